/**
 * Says that the client must judge this message itself, and why, in one line for its log. Whatever
 * the daemon cannot or may not answer ends this way. It says nothing about the mail.
 */
export class GoCold extends Error {
  constructor(why: string) {
    super(why)
    this.name = 'GoCold'
  }
}
