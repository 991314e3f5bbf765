/** The part of @energetic-ai/core that is used here: TensorFlow.js 4.5 in one file, whose own types want packages that are not needed otherwise. */
declare module '@energetic-ai/core' {
  interface Tensor {
    data(): Promise<Float32Array>
    dispose(): void
  }
  interface GraphModel {
    executeAsync(inputs: Readonly<Record<string, Tensor>>): Promise<Tensor>
  }
  const core: {
    readonly env: () => { set(flag: string, value: boolean): void }
    setWasmPaths(folder: string): void
    setBackend(name: 'wasm'): Promise<boolean>
    readonly io: { fromMemory(model: object): object }
    loadGraphModel(source: object): Promise<GraphModel>
    tensor1d(values: readonly number[], type: 'int32'): Tensor
    tensor2d(values: readonly number[], shape: readonly [number, number], type: 'int32'): Tensor
  }
  export default core
  export type { GraphModel, Tensor }
}
