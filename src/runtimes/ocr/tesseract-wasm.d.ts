/** The part of tesseract-wasm that is used; its own types are hidden by its package.json. */
declare module 'tesseract-wasm' {
  interface Rectangle {
    readonly left: number
    readonly top: number
    readonly right: number
    readonly bottom: number
  }

  interface Engine {
    loadModel(model: Uint8Array): void
    loadImage(image: {
      readonly data: Uint8ClampedArray
      readonly width: number
      readonly height: number
    }): void
    clearImage(): void
    setVariable(name: string, value: string): void
    getBoundingBoxes(unit: 'line'): { readonly rect: Rectangle }[]
    getTextBoxes(unit: 'word'): {
      readonly rect: Rectangle
      readonly flags: number
      readonly confidence: number
      readonly text: string
    }[]
  }

  export const layoutFlags: { readonly StartOfLine: number; readonly EndOfLine: number }
  export function createOCREngine(options: { readonly wasmBinary: Uint8Array }): Promise<Engine>
}
