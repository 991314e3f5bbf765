/**
 * The part of kuksa.val.v2 that is used, with the field numbers of its .proto files. As protoc-gen-es would write it,
 * but legible, and without a generator among the dependencies: decoders skip the fields that are left out.
 */
import { create, createFileRegistry, type Message } from '@bufbuild/protobuf'
import type { GenMessage, GenService } from '@bufbuild/protobuf/codegenv2'
import {
  type FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
  file_google_protobuf_timestamp,
  type Timestamp,
} from '@bufbuild/protobuf/wkt'

type Named<Name extends string, Fields> = Message<`kuksa.val.v2.${Name}`> & Fields

type TypedValue =
  | { readonly case: 'string'; readonly value: string }
  | { readonly case: 'bool'; readonly value: boolean }
  | { readonly case: 'int32' | 'uint32' | 'float' | 'double'; readonly value: number }
  | { readonly case: 'int64' | 'uint64'; readonly value: bigint }
  /** None, or one of the arrays, which no signal of ours is. */
  | { readonly case: undefined; readonly value?: undefined }

export type Datapoint = Named<
  'Datapoint',
  { timestamp?: Timestamp; value?: Named<'Value', { typedValue: TypedValue }> }
>
type SignalId = Named<
  'SignalID',
  { signal: { case: 'path'; value: string } | { case: undefined; value?: undefined } }
>
type GetValuesRequest = Named<'GetValuesRequest', { signalIds: SignalId[] }>
type GetValuesResponse = Named<'GetValuesResponse', { dataPoints: Datapoint[] }>
type SubscribeRequest = Named<'SubscribeRequest', { signalPaths: string[]; bufferSize: number }>
type SubscribeResponse = Named<'SubscribeResponse', { entries: { [path: string]: Datapoint } }>

// The numbers of google.protobuf.FieldDescriptorProto.
const type = {
  double: 1,
  float: 2,
  int64: 3,
  uint64: 4,
  bool: 8,
  string: 9,
  message: 11,
  uint32: 13,
  sint32: 17,
  sint64: 18,
}
const label = { optional: 1, repeated: 3 }

const own = '.kuksa.val.v2.'
const registry = createFileRegistry(
  create(FileDescriptorProtoSchema, {
    name: 'kuksa/val/v2/val.proto',
    package: 'kuksa.val.v2',
    syntax: 'proto3',
    dependency: ['google/protobuf/timestamp.proto'],
    messageType: [
      message('Datapoint', [
        field('timestamp', 1, '.google.protobuf.Timestamp'),
        field('value', 2, `${own}Value`),
      ]),
      oneOf('Value', 'typed_value', [
        field('string', 11, type.string),
        field('bool', 12, type.bool),
        field('int32', 13, type.sint32),
        field('int64', 14, type.sint64),
        field('uint32', 15, type.uint32),
        field('uint64', 16, type.uint64),
        field('float', 17, type.float),
        field('double', 18, type.double),
      ]),
      oneOf('SignalID', 'signal', [field('path', 2, type.string)]),
      message('GetValuesRequest', [field('signal_ids', 1, `${own}SignalID`, label.repeated)]),
      message('GetValuesResponse', [field('data_points', 1, `${own}Datapoint`, label.repeated)]),
      message('SubscribeRequest', [
        field('signal_paths', 1, type.string, label.repeated),
        field('buffer_size', 2, type.uint32),
      ]),
      {
        ...message('SubscribeResponse', [
          field('entries', 1, `${own}SubscribeResponse.EntriesEntry`, label.repeated),
        ]),
        nestedType: [
          {
            ...message('EntriesEntry', [field('key', 1, type.string), field('value', 2, `${own}Datapoint`)]),
            options: { mapEntry: true },
          },
        ],
      },
    ],
    service: [
      {
        name: 'VAL',
        method: [
          { name: 'GetValues', inputType: `${own}GetValuesRequest`, outputType: `${own}GetValuesResponse` },
          {
            name: 'Subscribe',
            inputType: `${own}SubscribeRequest`,
            outputType: `${own}SubscribeResponse`,
            serverStreaming: true,
          },
        ],
      },
    ],
  }),
  () => file_google_protobuf_timestamp,
)

export const subscribeRequest = registry.getMessage(
  'kuksa.val.v2.SubscribeRequest',
) as unknown as GenMessage<SubscribeRequest>
export const subscribeResponse = registry.getMessage(
  'kuksa.val.v2.SubscribeResponse',
) as unknown as GenMessage<SubscribeResponse>

export const VAL = registry.getService('kuksa.val.v2.VAL') as unknown as GenService<{
  getValues: {
    methodKind: 'unary'
    input: GenMessage<GetValuesRequest>
    output: GenMessage<GetValuesResponse>
  }
  subscribe: {
    methodKind: 'server_streaming'
    input: GenMessage<SubscribeRequest>
    output: GenMessage<SubscribeResponse>
  }
}>

type FieldInit = ReturnType<typeof field>

/** `kind`: a scalar's number, or a message's full name. */
function field(name: string, number: number, kind: number | string, labelled = label.optional) {
  const typeName = typeof kind === 'string' ? kind : ''
  const kindNumber = (typeof kind === 'string' ? type.message : kind) as FieldDescriptorProto_Type
  return { name, number, label: labelled, type: kindNumber, typeName }
}

function message(name: string, fields: readonly FieldInit[]) {
  return { name, field: [...fields] }
}

function oneOf(name: string, oneof: string, fields: readonly FieldInit[]) {
  return { name, oneofDecl: [{ name: oneof }], field: fields.map((each) => ({ ...each, oneofIndex: 0 })) }
}
