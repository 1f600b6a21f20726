import { type Finding, ok, warning } from '../../ground/errors/finding.ts'
import { readAddress } from '../../mail/message/envelope/address.ts'
import { COULD_NOT_TELL, NO_SUCH_PAGE } from '../../scan/quota/quota-answer.ts'
import { openQuotaClient } from '../../scan/quota/quota-client.ts'
import { readQuotaSettings } from '../../scan/quota/quota-settings.ts'
import type { StageHost } from './stage.ts'

/** Any answer about this mailbox shows that the service runs. */
const ANYBODY = 'postmaster'

/** Checks whether the service in QUOTAD answers. */
export async function checkQuota({ env }: StageHost): Promise<Finding[]> {
  const settings = readQuotaSettings(env)
  if (settings === undefined) return []
  const client = openQuotaClient(settings, () => {})
  try {
    const { answer, source } = await client.explain(readAddress(ANYBODY))
    if (answer.answer !== 'unknown' || answer.why === COULD_NOT_TELL) {
      return [ok('QUOTAD', `${source} answers`)]
    }
    if (source === undefined && env.QUOTAD!.startsWith('map:')) {
      return [ok('QUOTAD', `${env.QUOTAD}, which names no service for ${ANYBODY}`)]
    }
    if (answer.why === NO_SUCH_PAGE) {
      const remedy = 'see its path: that of onescan-quotad is /cgi-bin/quota.cgi'
      return [warning('QUOTAD', `${source}: ${answer.why}, so no mailbox counts as full`, remedy)]
    }
    const remedy = 'see that it runs and allows this host; until then no mailbox counts as full'
    return [warning('QUOTAD', `${source ?? env.QUOTAD}: ${answer.why}`, remedy)]
  } finally {
    client.close()
  }
}
