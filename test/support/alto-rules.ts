/**
 * The rules of ALTO 4.2 for the elements that Carpool writes, from the tables of its schema (https://www.loc.gov/standards/alto/v4/alto-4-2.xsd): which
 * attributes each element may have and must have, of which types, and which children in which order.
 */
import assert from 'node:assert/strict'
import { create } from 'xmlbuilder2'

interface Rule {
  /** Name, and its type; with a `!` behind the name where the schema says `use="required"`. */
  readonly attributes?: Readonly<Record<string, RegExp>>
  /** The children's names, each with a space behind it. Without: text alone. */
  readonly children?: RegExp
  readonly text?: RegExp
}

const float = /^-?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i
const id = /^[\p{L}_][\p{L}\p{N}._-]*$/u
const any = /^/
const share = /^(0(\.\d+)?|1(\.0+)?)$/
const place = { HPOS: float, VPOS: float, WIDTH: float, HEIGHT: float }

const rules: Readonly<Record<string, Rule>> = {
  alto: {
    attributes: { xmlns: any, 'xmlns:xsi': any, 'xsi:schemaLocation': any, SCHEMAVERSION: any },
    children: /^(Description )?(Styles )?(Tags )?(ReadingOrder )?Layout $/,
  },
  Description: { children: /^MeasurementUnit (sourceImageInformation )?(OCRProcessing )*(Processing )*$/ },
  MeasurementUnit: { text: /^(pixel|mm10|inch1200)$/ },
  sourceImageInformation: { children: /^(fileName )?(fileIdentifier )*(documentIdentifier )*$/ },
  fileName: { text: any },
  Processing: {
    attributes: { 'ID!': id },
    children:
      /^(processingCategory )?(processingDateTime )?(processingAgency )?(processingStepDescription )*(processingStepSettings )?(processingSoftware )?$/,
  },
  processingSoftware: {
    children: /^(softwareCreator )?(softwareName )?(softwareVersion )?(applicationDescription )?$/,
  },
  softwareName: { text: any },
  softwareVersion: { text: any },
  Layout: { attributes: { STYLEREFS: any }, children: /^(Page )+$/ },
  Page: {
    attributes: { 'ID!': id, 'PHYSICAL_IMG_NR!': float, WIDTH: float, HEIGHT: float, PC: share },
    children: /^(TopMargin )?(LeftMargin )?(RightMargin )?(BottomMargin )?(PrintSpace )?$/,
  },
  PrintSpace: {
    attributes: { ID: id, ...place },
    children: /^(Shape )?((TextBlock|Illustration|GraphicalElement|ComposedBlock) )*$/,
  },
  TextBlock: {
    attributes: { 'ID!': id, ...place, ROTATION: float, LANG: any },
    children: /^(Shape )?(TextLine )*$/,
  },
  TextLine: { attributes: { ID: id, ...place }, children: /^(Shape )?((String )+(SP )?)+(HYP )?$/ },
  String: { attributes: { ID: id, ...place, 'CONTENT!': any, WC: share }, children: /^$/ },
  SP: { attributes: { ID: id, ...place }, children: /^$/ },
}

interface XmlElement {
  readonly nodeName: string
  readonly textContent: string
  readonly attributes?: Iterable<{ readonly name: string; readonly value: string }>
  readonly childNodes: Iterable<XmlElement>
}

/** Throws AssertionError for what breaks a rule, and for ids that are there twice. */
export function checkAlto(xml: string): void {
  const ids = new Set<string>()
  check(create(xml).root().node as unknown as XmlElement, ids)
}

function check(element: XmlElement, ids: Set<string>): void {
  const { nodeName, textContent } = element
  const rule = rules[nodeName]
  assert(rule !== undefined, `ALTO has no element ${nodeName} that we write`)
  const { attributes: known = {}, children, text } = rule
  const attributes = new Map([...element.attributes!].map(({ name, value }) => [name, value]))
  for (const [name, value] of attributes) {
    const type = known[name] ?? known[`${name}!`]
    assert(type !== undefined, `${nodeName} has no attribute ${name}`)
    assert.match(value, type, `${name} of ${nodeName}`)
  }
  for (const name of Object.keys(known))
    if (name.endsWith('!'))
      assert(attributes.has(name.slice(0, -1)), `${nodeName} must have ${name.slice(0, -1)}`)
  const own = attributes.get('ID')
  if (own !== undefined) {
    assert(!ids.has(own), `the id ${own} is there twice`)
    ids.add(own)
  }
  const inside = [...element.childNodes].filter((node) => node.attributes !== undefined)
  if (children !== undefined)
    assert.match(inside.map((node) => `${node.nodeName} `).join(''), children, `the children of ${nodeName}`)
  else assert.deepEqual(inside, [], `${nodeName} has text alone`)
  if (text !== undefined) assert.match(textContent, text, nodeName)
  for (const node of inside) check(node, ids)
}
