import type { MailAddress } from '../../../../src/base/text/address.ts'

/** What the milter of the recorded sessions has: a scanner that knows EICAR, and mailboxes. */
export const sessionSettings = { QHPSI: 'plugin: eicar', REJECTVIRUS: '1', VERDICTS: 'off' }

/** Of all mailboxes only full@example.org is full. */
export const fullMailbox = {
  asksForRelayClients: false,
  timeout: 500,
  ask: async ({ text }: MailAddress) =>
    text === 'full@example.org'
      ? ({ status: 'full', usage: { size: 900, quota: 1000 } } as const)
      : ({ status: 'room' } as const),
}
