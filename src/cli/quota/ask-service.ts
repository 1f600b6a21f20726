import type { Environment } from '../../ground/settings/settings.ts'
import type { MailAddress } from '../../message/envelope/address.ts'
import { openQuotaClient } from '../../quota/ask/quota-client.ts'
import { readQuotaSettings } from '../../quota/ask/quota-settings.ts'
import type { ReportedAnswer } from './reported-answer.ts'

export interface MailboxQuestion {
  readonly mailbox: MailAddress
  /** The size of the message to come, in bytes. */
  readonly size: number
}

/** Asks the service in QUOTAD. Throws a Fault of kind `config` if QUOTAD names no service. */
export async function askService(
  env: Environment,
  { mailbox, size }: MailboxQuestion,
): Promise<ReportedAnswer> {
  const client = openQuotaClient(readQuotaSettings(env)!, () => {})
  try {
    const { answer, mailbox: found, source } = await client.explain(mailbox, size)
    return {
      answer: answer.answer,
      why: answer.answer === 'unknown' ? answer.why : undefined,
      mailbox: found,
      source,
      ...('usage' in answer ? answer.usage : {}),
    }
  } finally {
    client.close()
  }
}
