/** The other side broke the protocol, and cannot be understood any more; one line that says how. */
export class WireError extends Error {
  constructor(what: string) {
    super(what)
    this.name = 'WireError'
  }
}
