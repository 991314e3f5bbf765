/** Documents that a program in this process hands over, such as the gateway (src/gateway), in place of paths. */
import { RequestError } from '../errors.ts'
import type { NamedDocument, Sources } from './sources.ts'

export interface GivenDocuments {
  /** Yields each document once, by a name of its own. */
  readonly documents: () => AsyncIterable<NamedDocument>
  /** Tells this submission from another one of the same documents and wishes: each salt has a job of its own. */
  readonly salt: string
}

/** Throws RequestError while it is read, where there are no documents. */
export function givenSources({ documents }: GivenDocuments): Sources {
  return {
    total: null,
    leftOut: [],
    async *documents() {
      let count = 0
      for await (const document of documents()) {
        count += 1
        yield document
      }
      if (count === 0) throw new RequestError('there are no documents')
    },
  }
}
