import { Fault } from '../../../base/errors/fault.ts'

/** The state of a message, or the fault of a request, for which nothing was done. */
export type NotDoneReason =
  /** The text is not an id. */
  | 'not-an-id'
  /** No message has the id, or it was deleted. */
  | 'missing'
  /** Another process is working on the message. */
  | 'busy'
  | 'released'
  /** A release was interrupted, and the message may have been delivered. */
  | 'interrupted'
  /** It is also for recipients who are not in the care of the person. */
  | 'for-others'
  /** The id of the request belongs to another request. */
  | 'other-request'

/** A Fault of kind `config`: nothing was done with a message in quarantine. */
export class NotDone extends Fault {
  readonly why: NotDoneReason

  constructor(why: NotDoneReason, message: string) {
    super('config', message)
    this.why = why
  }
}

export const notInQuarantine = (id: string): NotDone =>
  new NotDone('missing', `${id}: is not in quarantine`)

export const releasedBefore = (id: string): NotDone =>
  new NotDone('released', `${id}: has been released`)
