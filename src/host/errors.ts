/** A request that cannot be met; the message is one sentence for the person who asked. */
export class RequestError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'RequestError'
  }
}
