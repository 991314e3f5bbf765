/**
 * Texts in the characters that every bank of SEPA takes: Latin letters without marks, digits, space and / - ? : ( ) . , ' +
 * (European Payments Council, EPC217-08). Others are spelled with these, letter by letter, by anyascii's tables.
 */
import anyAscii from 'any-ascii'

/** By EPC217-08's table, which replaces what has no like among them by a full stop. */
const others: Readonly<Record<string, string>> = {
  ...{ '&': '+', '"': "'", '`': "'", '“': "'", '”': "'", '„': "'", '«': "'", '»': "'" },
  ...{
    _: '-',
    '~': '-',
    '[': '(',
    ']': ')',
    '{': '(',
    '}': ')',
    '<': '(',
    '>': ')',
    '\\': '/',
    '|': '/',
    '=': '-',
  },
  ...{ ';': ',', '€': 'EUR', '@': '(at)' },
}

/**
 * The same text in SEPA's characters, of at most so many; '' where nothing is left. Pictures are left out, and a slash stands
 * neither at an end nor beside another.
 */
export function sepaText(text: string, charsMax: number): string {
  const spelled = [...text.normalize('NFC')]
    .map((sign) => {
      if (
        /\p{Extended_Pictographic}|\p{Regional_Indicator}|\p{Emoji_Modifier}|\p{Variation_Selector}/u.test(
          sign,
        ) &&
        !/[\d#*©®]/.test(sign)
      )
        return ' '
      return others[sign] ?? (/^[\x20-\x7e]$/.test(sign) ? sign : anyAscii(sign))
    })
    .join('')
    .replaceAll(/[&"`_~[\]{}<>\\|=;@]/g, (sign) => others[sign] ?? ' ')
    .replaceAll(/[^A-Za-z0-9/\-?:().,'+ ]/g, '.')
    .replaceAll(/\/{2,}/g, '/')
    .replaceAll(/ {2,}/g, ' ')
  return spelled
    .replace(/^[/ ]+/, '')
    .slice(0, charsMax)
    .replace(/[/ ]+$/, '')
}
