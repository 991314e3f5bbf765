/**
 * The messages of an ONNX model that a vehicle takes, from onnx.proto of ONNX 1.19 (intermediate representation 12).
 *
 * A field that stands here under `refused` is refused with these words, and a field that does not stand here is refused, too:
 * what this check cannot read, an engine might.
 */

export type MessageName =
  | 'Model'
  | 'OperatorSet'
  | 'Pair'
  | 'Graph'
  | 'Node'
  | 'Attribute'
  | 'Tensor'
  | 'ValueInfo'
  | 'Type'
  | 'TensorType'
  | 'ElementType'
  | 'MapType'
  | 'Shape'
  | 'Dimension'
  | 'Function'
  | 'Annotation'

export type Field = {
  readonly name: string
  /** Repeated numbers may be packed into one field or not. */
  readonly isRepeated: boolean
} & (
  | { readonly kind: 'integer' | 'float' | 'double' | 'bytes' }
  | { readonly kind: 'message'; readonly message: MessageName }
  | { readonly kind: 'refused'; readonly why: string }
)

type Kind = Exclude<Field['kind'], 'message' | 'refused'>

const one = (name: string, kind: Kind): Field => ({ name, kind, isRepeated: false })
const many = (name: string, kind: Kind): Field => ({ name, kind, isRepeated: true })
const inner = (name: string, message: MessageName): Field => ({
  name,
  kind: 'message',
  message,
  isRepeated: false,
})
const inners = (name: string, message: MessageName): Field => ({
  name,
  kind: 'message',
  message,
  isRepeated: true,
})
const refused = (name: string, why: string): Field => ({ name, kind: 'refused', why, isRepeated: true })

const elsewhere = 'keeps data in another file'
const sparse = 'has a sparse tensor'
const training = 'brings a training of its own'
const devices = 'is laid out for several devices'

export const schema: Readonly<Record<MessageName, Readonly<Record<number, Field>>>> = {
  Model: {
    1: one('ir_version', 'integer'),
    2: one('producer_name', 'bytes'),
    3: one('producer_version', 'bytes'),
    4: one('domain', 'bytes'),
    5: one('model_version', 'integer'),
    6: one('doc_string', 'bytes'),
    7: inner('graph', 'Graph'),
    8: inners('opset_import', 'OperatorSet'),
    14: inners('metadata_props', 'Pair'),
    20: refused('training_info', training),
    25: inners('functions', 'Function'),
    26: refused('configuration', devices),
  },
  OperatorSet: { 1: one('domain', 'bytes'), 2: one('version', 'integer') },
  Pair: { 1: one('key', 'bytes'), 2: one('value', 'bytes') },
  Graph: {
    1: inners('node', 'Node'),
    2: one('name', 'bytes'),
    5: inners('initializer', 'Tensor'),
    10: one('doc_string', 'bytes'),
    11: inners('input', 'ValueInfo'),
    12: inners('output', 'ValueInfo'),
    13: inners('value_info', 'ValueInfo'),
    14: inners('quantization_annotation', 'Annotation'),
    15: refused('sparse_initializer', sparse),
    16: inners('metadata_props', 'Pair'),
  },
  Node: {
    1: many('input', 'bytes'),
    2: many('output', 'bytes'),
    3: one('name', 'bytes'),
    4: one('op_type', 'bytes'),
    5: inners('attribute', 'Attribute'),
    6: one('doc_string', 'bytes'),
    7: one('domain', 'bytes'),
    8: one('overload', 'bytes'),
    9: inners('metadata_props', 'Pair'),
    10: refused('device_configurations', devices),
  },
  Attribute: {
    1: one('name', 'bytes'),
    2: one('f', 'float'),
    3: one('i', 'integer'),
    4: one('s', 'bytes'),
    5: inner('t', 'Tensor'),
    6: inner('g', 'Graph'),
    7: many('floats', 'float'),
    8: many('ints', 'integer'),
    9: many('strings', 'bytes'),
    10: inners('tensors', 'Tensor'),
    11: inners('graphs', 'Graph'),
    13: one('doc_string', 'bytes'),
    14: inner('tp', 'Type'),
    15: inners('type_protos', 'Type'),
    20: one('type', 'integer'),
    21: one('ref_attr_name', 'bytes'),
    22: refused('sparse_tensor', sparse),
    23: refused('sparse_tensors', sparse),
  },
  Tensor: {
    1: many('dims', 'integer'),
    2: one('data_type', 'integer'),
    3: refused('segment', 'has a tensor in several parts'),
    4: many('float_data', 'float'),
    5: many('int32_data', 'integer'),
    6: many('string_data', 'bytes'),
    7: many('int64_data', 'integer'),
    8: one('name', 'bytes'),
    9: one('raw_data', 'bytes'),
    10: many('double_data', 'double'),
    11: many('uint64_data', 'integer'),
    12: one('doc_string', 'bytes'),
    13: refused('external_data', elsewhere),
    14: one('data_location', 'integer'),
    16: inners('metadata_props', 'Pair'),
  },
  ValueInfo: {
    1: one('name', 'bytes'),
    2: inner('type', 'Type'),
    3: one('doc_string', 'bytes'),
    4: inners('metadata_props', 'Pair'),
  },
  Type: {
    1: inner('tensor_type', 'TensorType'),
    4: inner('sequence_type', 'ElementType'),
    5: inner('map_type', 'MapType'),
    6: one('denotation', 'bytes'),
    8: refused('sparse_tensor_type', sparse),
    9: inner('optional_type', 'ElementType'),
  },
  TensorType: { 1: one('elem_type', 'integer'), 2: inner('shape', 'Shape') },
  ElementType: { 1: inner('elem_type', 'Type') },
  MapType: { 1: one('key_type', 'integer'), 2: inner('value_type', 'Type') },
  Shape: { 1: inners('dim', 'Dimension') },
  Dimension: { 1: one('dim_value', 'integer'), 2: one('dim_param', 'bytes'), 3: one('denotation', 'bytes') },
  Function: {
    1: one('name', 'bytes'),
    4: many('input', 'bytes'),
    5: many('output', 'bytes'),
    6: many('attribute', 'bytes'),
    7: inners('node', 'Node'),
    8: one('doc_string', 'bytes'),
    9: inners('opset_import', 'OperatorSet'),
    10: one('domain', 'bytes'),
    11: inners('attribute_proto', 'Attribute'),
    12: inners('value_info', 'ValueInfo'),
    13: one('overload', 'bytes'),
    14: inners('metadata_props', 'Pair'),
  },
  Annotation: { 1: one('tensor_name', 'bytes'), 2: inners('quant_parameter_tensor_names', 'Pair') },
}
