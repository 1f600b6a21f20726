import { type CheckLine, failure } from '../../../base/check/check-line.ts'
import { errorText } from '../../../base/errors/fault.ts'
import { makeEnvelope } from '../../../mail/message/envelope.ts'
import { messageOf } from '../../../mail/message/intake.ts'
import type { Configuration } from '../../configuration/configuration.ts'
import { planHandling } from '../../handling/handling-plan.ts'
import type { DaemonOptions } from '../../options/daemon-options.ts'
import { makeTestMail } from '../../readiness/test-mail/eicar-message.ts'
import { Deadline } from '../../scan/judge/context/deadline.ts'
import type { DecisionDetails } from '../../scan/judge/decision/decision.ts'
import { judge } from '../../scan/judge/judge.ts'
import { TOP_LINE } from '../../scan/scanners/contract/top-line.ts'

/**
 * Upper limit, in milliseconds, for a message or a door: a health request does not wait for
 * SCANTIMEOUT.
 */
export const SELF_TEST_TIMEOUT = 10_000

const ADDRESS = Buffer.from('postmaster@localhost')
const envelope = makeEnvelope(ADDRESS, [ADDRESS])
const client = { mayRelay: false, isClusterPeer: false, isBounceInjector: false }

/**
 * Has this process judge a clean message, and the EICAR test file if that is wanted. Resolves to
 * what is wrong. Never rejects.
 */
export async function tryJudging(
  configuration: Configuration,
  limits: Pick<DaemonOptions, 'maxSize' | 'memory'>,
  wantsEicar: boolean,
): Promise<CheckLine[]> {
  const { context } = configuration
  if (context === undefined) return [] // nothing is scanned, which the self-test has reported
  const { QHPSIMINSIZE, QHPSIMAXSIZE, CLAMDMAXSIZE } = context.config.settings
  const mail = makeTestMail(Date.now(), {
    least: QHPSIMINSIZE,
    // clamd gets a line above it.
    most: Math.min(QHPSIMAXSIZE, CLAMDMAXSIZE - TOP_LINE.length, limits.maxSize, limits.memory / 4),
  })
  try {
    const [clean, eicar] = await Promise.all([
      judgeFromMemory(mail.clean, configuration),
      wantsEicar ? judgeFromMemory(mail.eicar, configuration) : undefined,
    ])
    const ofClean = clean.scan === 'clean' ? [] : [wrong('a clean message', clean)]
    // A site may ban all attachments: that its scanners find EICAR is shown by their own check.
    const isFound = eicar?.virus !== undefined || eicar?.banned !== undefined
    const ofEicar = eicar === undefined || isFound ? [] : [wrong('EICAR', eicar)]
    // A fault that affects both messages is reported once.
    const isOfBoth = ofClean[0] !== undefined && ofClean[0].value === ofEicar[0]?.value
    return isOfBoth ? [wrong('mail', clean)] : [...ofClean, ...ofEicar]
  } catch (error) {
    return [unjudged('a test message', errorText(error))]
  }
}

function wrong(what: string, { scan, virus, banned, reason }: DecisionDetails): CheckLine {
  const words = [scan, virus ?? banned ?? reason].filter(Boolean).join(': ')
  // The reason of a scanner has its own remedy.
  if (scan === 'unknown' && reason) return { level: 'error', what, value: `cannot be scanned: ${reason}` } // biome-ignore format: a line
  return unjudged(what, `was reported as ${words}`)
}

const unjudged = (what: string, value: string): CheckLine =>
  failure(what, value, "check the scanners in QHPSI, and onescand's log")

/**
 * Resolves to the decision about a message that came through no door, by the settings alone, without
 * onescan.policy. Nothing about it is cached, kept or logged.
 */
async function judgeFromMemory(
  bytes: Buffer,
  configuration: Configuration,
): Promise<DecisionDetails> {
  await configuration.off.poll()
  const plan = planHandling(configuration)
  if (plan.kind === 'pass') return { scan: 'skipped', reason: plan.reason, times: {} }
  const message = messageOf(bytes, plan.messageOptions)
  try {
    const transaction = { message, envelope, client }
    const { context } = plan
    const { config } = context
    const tools = { ...context.tools, verdicts: undefined }
    const deadline = new Deadline(tools.uptime, { within: SELF_TEST_TIMEOUT })
    const { details } = await judge(transaction, { config, tools }, deadline)
    return details
  } finally {
    message.close()
  }
}
