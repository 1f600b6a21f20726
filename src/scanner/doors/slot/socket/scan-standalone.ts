/**
 * Reports that the client must scan this message standalone, with the reason in one line for its log.
 * onescand answers this way whenever it cannot or may not decide. It does not depend on the content of the
 * mail.
 */
export class ScanStandalone extends Error {
  constructor(reason: string) {
    super(reason)
    this.name = 'ScanStandalone'
  }
}
