/**
 * The other side violated the protocol, or cannot do what is needed. The message is one line with the reason.
 */
export class WireError extends Error {
  constructor(text: string) {
    super(text)
    this.name = 'WireError'
  }
}
