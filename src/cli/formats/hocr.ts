/**
 * hOCR 1.2 (https://kba.github.io/hocr-spec/1.2/): a document as XHTML, with the place of every page, block, line and word.
 *
 * A block of lines is an area with one paragraph, since the records do not tell paragraphs apart.
 */
import { software } from '../../host/software.ts'
import { around, type Bounds, isRead, type PageLine, type ReadPage, type UnplacedPage } from './page.ts'
import { escapeXml, xmlComment } from './xml.ts'

export function hocr(document: string, pages: readonly (ReadPage | UnplacedPage)[]): string {
  const name = escapeXml(document)
  const [system, version = ''] = software.split('/')
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml">
 <head>
  <title>${name}</title>
  <meta http-equiv="Content-Type" content="text/html; charset=utf-8"/>
  <meta name="ocr-system" content="${system} ${version}"/>
  <meta name="ocr-capabilities" content="ocr_page ocr_carea ocr_par ocr_line ocrx_word ocrp_wconf"/>
  <meta name="ocr-number-of-pages" content="${pages.length}"/>
 </head>
 <body>
${pages.map((page) => (isRead(page) ? pageElement(document, page) : unreadElement(page))).join('')} </body>
</html>
`
}

function pageElement(document: string, { page, width, height, turnedDegrees, blocks }: ReadPage): string {
  // A file's name stands in quotes within a title, so that it may have neither.
  const image = escapeXml(document.replaceAll(/["\\]/g, '_'))
  const title = `image &quot;${image}&quot;; ${bbox([0, 0, width, height])}; ppageno ${page - 1}`
  let lines = 0
  let words = 0
  const areas = blocks.map((block, i) => {
    const place = bbox(around(block.map(({ box }) => box)))
    const inside = block.map((line) => {
      lines += 1
      const spans = line.words.map(({ text, box, confidence }) => {
        words += 1
        return `<span class="ocrx_word" id="word_${page}_${words}" title="${bbox(box)}; x_wconf ${Math.round(100 * confidence)}">${escapeXml(text)}</span>`
      })
      return `     <span class="ocr_line" id="line_${page}_${lines}" title="${bbox(line.box)}${angle(line, turnedDegrees)}">${spans.join(' ')}</span>\n`
    })
    return `   <div class="ocr_carea" id="block_${page}_${i + 1}" title="${place}">
    <p class="ocr_par" id="par_${page}_${i + 1}" title="${place}">
${inside.join('')}    </p>
   </div>
`
  })
  return `  <div class="ocr_page" id="page_${page}" title="${title}">
${areas.join('')}  </div>
`
}

function unreadElement({ page, why }: UnplacedPage): string {
  return `  <div class="ocr_page" id="page_${page}" title="ppageno ${page - 1}"><!-- ${xmlComment(why)} --></div>\n`
}

function bbox(bounds: Bounds): string {
  return `bbox ${bounds.join(' ')}`
}

/** The direction of a line on a page that was turned, counter-clockwise in degrees; or its slope on one that was not. */
function angle({ box, corners }: PageLine, turnedDegrees: number): string {
  if (turnedDegrees !== 0) return `; textangle ${turnedDegrees}`
  const [, , [rightX, rightY], [leftX, leftY]] = corners
  const slope = rightX === leftX ? 0 : (rightY - leftY) / (rightX - leftX)
  return `; baseline ${Number(slope.toFixed(4))} ${Math.round(leftY - box[3])}`
}
