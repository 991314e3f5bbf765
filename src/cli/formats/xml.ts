/** Text within XML 1.0: what would be markup is escaped, and what XML cannot have at all (section 2.2) is replaced. */
export function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '\u{FFFD}')
    .replaceAll(/[&<>"'\t\n\r]/g, (sign) => entities[sign] ?? `&#${sign.charCodeAt(0)};`)
}

/** Text within a comment, where XML has no two dashes in a row (section 2.5). Put a space behind it. */
export function xmlComment(text: string): string {
  return escapeXml(text).replaceAll(/-(?=-)/g, '- ')
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
