/** Asks the node: JSON in, JSON out, and a Refusal with the node's sentence where it says no. */

export class Refusal extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message)
    this.name = 'Refusal'
    this.status = status
  }
}

/**
 * Throws Refusal; its status is 0 where the node does not answer.
 *
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body] a form goes as it is, anything else as JSON
 * @returns {Promise<any>}
 */
export async function ask(method, path, body) {
  const isForm = body instanceof FormData
  let response
  try {
    response = await fetch(path, {
      method,
      ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
      headers: body === undefined || isForm ? {} : { 'content-type': 'application/json' },
    })
  } catch {
    throw new Refusal(0, 'the node does not answer; is it running, and is this machine online?')
  }
  const text = await response.text()
  const answer = text === '' ? null : parsed(text)
  if (response.ok) return answer
  throw new Refusal(response.status, answer?.error?.message ?? `the node says ${response.status}`)
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
