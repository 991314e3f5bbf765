/** Annotations: notes, stamps and fields of forms, which lie over a page of a PDF. */
import type { Pdfium } from './pdfium.ts'

/** FPDF_ANNOT_… (fpdf_annot.h). */
const [text, link, popup, widget] = [1, 2, 16, 20]
/** FPDF_ANNOT_FLAG_HIDDEN and …_NOVIEW. */
const hidden = 1 << 1
const notOnScreen = 1 << 5
/** FPDF_ANNOT_APPEARANCEMODE_NORMAL, and how FPDFPage_Flatten is told to keep what a screen shows. */
const normal = 0
const flattenShown = 0

/** A page with more than this is not looked through to its end. */
const annotationsMax = 100_000

/** Counts those that are drawn and have a text of their own, which is none of the page's. */
export function annotationsOn(pdfium: Pdfium, page: number): number {
  let found = 0
  each(pdfium, page, (_, type) => {
    if (type !== link && type !== popup) found += 1
  })
  return found
}

/**
 * Makes them part of the page, as a viewer shows them: what is for paper alone is left out, and what has no drawing of itself gets one. A
 * field that a program filled in without drawing it says its text nowhere else; icons of notes say nothing.
 *
 * `isHidden` tells of an annotation, by the number of its object, whether it belongs to a layer that is not shown.
 */
export function drawAnnotations(pdfium: Pdfium, page: number, isHidden: (object: number) => boolean): void {
  each(pdfium, page, (annotation, type) => {
    const flags = pdfium.FPDFAnnot_GetFlags(annotation)
    const isLayered = pdfium.FPDFAnnot_HasKey(annotation, 'OC')
    if ((flags & notOnScreen) !== 0 || (isLayered && isHidden(pdfium.EPDFAnnot_GetObjectNumber(annotation))))
      pdfium.FPDFAnnot_SetFlags(annotation, flags | hidden)
    if ([text, link, popup].includes(type) || pdfium.EPDFAnnot_HasAppearanceStream(annotation, normal)) return
    if (type === widget) pdfium.EPDFAnnot_GenerateFormFieldAP(annotation)
    else pdfium.EPDFAnnot_GenerateAppearance(annotation)
  })
  pdfium.FPDFPage_Flatten(page, flattenShown)
}

function each(pdfium: Pdfium, page: number, use: (annotation: number, type: number) => void): void {
  const count = Math.min(annotationsMax, pdfium.FPDFPage_GetAnnotCount(page))
  for (let i = 0; i < count; i += 1) {
    const annotation = pdfium.FPDFPage_GetAnnot(page, i)
    if (annotation === 0) continue
    use(annotation, pdfium.FPDFAnnot_GetSubtype(annotation))
    pdfium.FPDFPage_CloseAnnot(annotation)
  }
}
