/** ALTO 4 (https://www.loc.gov/standards/alto/): a document as XML, with the place of every block, line and word in pixels. */
import { software } from '../../host/software.ts'
import {
  around,
  type Bounds,
  isRead,
  type PageLine,
  type PageWord,
  type ReadPage,
  type UnplacedPage,
} from './page.ts'
import { escapeXml, xmlComment } from './xml.ts'

export function alto(document: string, pages: readonly (ReadPage | UnplacedPage)[]): string {
  const [system, version = ''] = software.split('/')
  return `<?xml version="1.0" encoding="UTF-8"?>
<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://www.loc.gov/standards/alto/ns-v4# http://www.loc.gov/standards/alto/v4/alto-4-2.xsd">
 <Description>
  <MeasurementUnit>pixel</MeasurementUnit>
  <sourceImageInformation>
   <fileName>${escapeXml(document)}</fileName>
  </sourceImageInformation>
  <Processing ID="ocr">
   <processingSoftware>
    <softwareName>${system}</softwareName>
    <softwareVersion>${version}</softwareVersion>
   </processingSoftware>
  </Processing>
 </Description>
 <Layout>
${pages.map((page) => (isRead(page) ? pageElement(page) : unreadElement(page))).join('')} </Layout>
</alto>
`
}

function pageElement({ page, width, height, turnedDegrees, blocks }: ReadPage): string {
  let lines = 0
  let words = 0
  // Counter-clockwise, as the text stands on the page.
  const rotation = turnedDegrees === 0 ? '' : ` ROTATION="${turnedDegrees}"`
  const elements = blocks.map((block, i) => {
    const inside = block.map((line) => {
      lines += 1
      const strings = line.words.map((word, place) => {
        words += 1
        const space = place === 0 ? '' : spaceBetween(line.words[place - 1]!, word)
        return `${space}      <String ID="string_${page}_${words}" ${places(word.box)} WC="${word.confidence.toFixed(4)}" CONTENT="${escapeXml(word.text)}"/>\n`
      })
      return lineElement(`line_${page}_${lines}`, line, strings.join(''))
    })
    const place = places(around(block.map(({ box }) => box)))
    return `    <TextBlock ID="block_${page}_${i + 1}" ${place}${rotation}>\n${inside.join('')}    </TextBlock>\n`
  })
  return `  <Page ID="page_${page}" PHYSICAL_IMG_NR="${page}" WIDTH="${width}" HEIGHT="${height}">
   <PrintSpace ${places([0, 0, width, height])}>
${elements.join('')}   </PrintSpace>
  </Page>
`
}

function lineElement(id: string, { box }: PageLine, strings: string): string {
  return `     <TextLine ID="${id}" ${places(box)}>\n${strings}     </TextLine>\n`
}

function unreadElement({ page, why }: UnplacedPage): string {
  return `  <Page ID="page_${page}" PHYSICAL_IMG_NR="${page}"><!-- ${xmlComment(why)} --></Page>\n`
}

function places([left, top, right, bottom]: Bounds): string {
  return `HPOS="${left}" VPOS="${top}" WIDTH="${right - left}" HEIGHT="${bottom - top}"`
}

function spaceBetween({ box: before }: PageWord, { box: after }: PageWord): string {
  const width = Math.max(0, after[0] - before[2])
  return `      <SP HPOS="${before[2]}" VPOS="${Math.min(before[1], after[1])}" WIDTH="${width}"/>\n`
}
