/**
 * Why the client must judge this message itself, in one line for its log. Not an error of
 * the mail: whatever the daemon cannot or may not answer ends this way.
 */
export class GoCold extends Error {
  constructor(why: string) {
    super(why)
    this.name = 'GoCold'
  }
}
