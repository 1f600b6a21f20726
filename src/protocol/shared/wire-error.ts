/**
 * The other side broke the protocol, or cannot do what is needed. The message is one line that says
 * how.
 */
export class WireError extends Error {
  constructor(what: string) {
    super(what)
    this.name = 'WireError'
  }
}
