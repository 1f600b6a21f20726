import { join } from 'node:path'
import { errorText } from '../../../ground/errors/fault.ts'
import { error, type Finding, ok, warning } from '../../../ground/errors/finding.ts'
import { checkPolicies } from './policy-services.ts'
import {
  type MilterEntry,
  type Parameters,
  POSTCONF,
  POSTFIX_DIRECTORY,
  splitMilters,
} from './postconf.ts'
import { checkMilter, checkMilterOrder, checkMilterTerms, noMilter } from './postfix-milter.ts'
import { type PostfixHost, RESTRICTIONS, type ReadPostfix, readPostfix } from './read-postfix.ts'
import { checkRelayParameters } from './relay-parameters.ts'
import { makesStamps } from './try-milter.ts'
import { checkRuns, findUnscannedWays } from './unscanned-ways.ts'

/**
 * Checks the milters and policy services of this host's Postfix: can Postfix reach them, is onescand
 * among them, and does onescand find EICAR? The questions are asked by the milter's own protocol, so
 * nothing is delivered.
 */
export async function checkPostfix(host: PostfixHost): Promise<Finding[]> {
  let postfix: ReadPostfix
  try {
    postfix = await readPostfix(host)
  } catch (thrown) {
    const why = errorText(thrown).split('\n')[0]!
    return [error('Postfix', `cannot be asked: ${why}`, `see that ${POSTCONF} works`)]
  }
  const { parameters } = postfix
  const _file = join(host.directory || POSTFIX_DIRECTORY, 'main.cf')
  const restrictions = RESTRICTIONS.map((name) => parameters[name] ?? '').join(' ')
  return [
    ...checkRuns(postfix),
    ...(await checkMilters(postfix)),
    ...(await checkPolicies(restrictions, postfix)),
  ]
}

async function checkMilters(postfix: ReadPostfix): Promise<Finding[]> {
  const { parameters, defaults } = postfix
  const milters = splitMilters(parameters.smtpd_milters ?? '')
  const findings: Finding[] = []
  const onescandMilters: MilterEntry[] = []
  for (const [index, milter] of milters.entries()) {
    const { isOnescand, finding } = await checkMilter(postfix, milter)
    findings.push(finding)
    if (!isOnescand) continue
    onescandMilters.push(milter)
    findings.push(...checkMilterTerms(postfix, milter), ...checkMilterOrder(milters, index))
  }
  const names = onescandMilters.map(({ text }) => text)
  findings.push(...(await findUnscannedWays(postfix, names)))
  const relays = await checkRelayParameters(postfix)
  findings.push(...relays)
  if (onescandMilters.length > 0) {
    return [
      ...findings,
      checkLocalMail(parameters, onescandMilters),
      ...checkLongLines(parameters, defaults),
    ]
  }
  const isKnown = relays.length > 0 || findings.some(({ level }) => level === 'error')
  return isKnown ? findings : [...findings, noMilter(postfix)]
}

function checkLocalMail(parameters: Parameters, onescandMilters: readonly MilterEntry[]): Finding {
  const what = 'non_smtpd_milters'
  const others = splitMilters(parameters.non_smtpd_milters ?? '')
  if (others.some(({ text }) => onescandMilters.some((own) => own.text === text))) {
    return ok(what, 'mail of local programs is scanned, too')
  }
  const value = 'mail of local programs, by sendmail(1), is not scanned'
  return warning(what, value, "postconf -e 'non_smtpd_milters=$smtpd_milters' && postfix reload")
}

/** smtp(8) folds long lines of mail that was already stamped; smtp_line_length_limit. */
function checkLongLines(parameters: Parameters, defaults: string): Finding[] {
  const limit = parameters.smtp_line_length_limit ?? '998'
  if (limit === '0' || !makesStamps(defaults)) return []
  const value = `${limit}: Postfix folds longer lines when it sends mail, which breaks its stamp`
  const remedy = 'postconf -e smtp_line_length_limit=0, or have the next host scan it again'
  return [warning('smtp_line_length_limit', value, remedy)]
}
