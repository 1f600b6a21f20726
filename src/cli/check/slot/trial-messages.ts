import { CHAIN_REACHED, TRIAL_CHAIN } from '../../../doors/shared/trial-chain.ts'
import { scanPolicyOf } from '../../../doors/stages/stage.ts'
import { error, type Finding, ok, warning } from '../../../ground/errors/finding.ts'
import { cleanMessage, eicarMessage } from '../../../scan/shared/eicar-message.ts'
import { handToSlot, type SlotResult } from '../../shared/hand-to-slot.ts'
import type { Host } from '../shared/host.ts'
import { underLimits } from './runtime.ts'
import { slotProgramOf } from './slot-program.ts'

/** Milliseconds beyond SCANTIMEOUT that the slot may take for a small message. */
const PATIENCE = 30_000

/**
 * Sends two messages through the slot program as its service runs it, with that account, limits and
 * environment. The chain is a program that shows what it got, so nothing is delivered. This also
 * finds a damaged slot program that exits 0 without calling the chain. A program that is not
 * onescan's gets no message, since it may queue it.
 */
export async function checkTrialMessages(host: Host): Promise<Finding[]> {
  const policy = scanPolicyOf(host)
  if (policy === undefined || !mayBeTried(host)) return []
  const timeout = policy.timeout + PATIENCE
  return [
    judgeClean(await send(host, cleanMessage, timeout)),
    judgeEicar(await send(host, eicarMessage, timeout)),
  ]
}

/** Whether the slot program may get a trial. Another check reports a missing program. */
function mayBeTried(host: Host): boolean {
  try {
    return slotProgramOf(host).kind === 'own'
  } catch {
    return false
  }
}

interface SlotTrial {
  readonly outcome: SlotResult
  /** The header that the chain got; undefined if it got nothing. */
  readonly header: string | undefined
  /** The reason in the log line, in parentheses, or ''. */
  readonly why: string
}

function judgeClean({ outcome, header, why }: SlotTrial): Finding {
  const what = 'slot, clean message'
  if (outcome.code === 0 && header !== undefined) {
    if (/^X-QHPSI: clean$/m.test(header)) {
      return ok(what, `scanned and handed on in ${Math.round(outcome.time)} ms`)
    }
    if (/^X-QHPSI:/m.test(header)) {
      return error(what, 'is called infected', 'see the scanners: they may call all mail infected')
    }
    return warning(what, `is handed on unscanned${why}`, 'see QHPSIMINSIZE, SCANFAIL, onescan.off')
  }
  return error(what, `${howItEnded(outcome)}${why}`, remedyFor(outcome))
}

function judgeEicar({ outcome, header, why }: SlotTrial): Finding {
  const what = 'slot, EICAR'
  if (outcome.code === 0 && header !== undefined) {
    if (/^X-QHPSI: virus found$/m.test(header)) return ok(what, 'is found')
    return error(what, `is accepted as clean${why}`, 'nothing is scanned; see the findings above')
  }
  return error(what, `${howItEnded(outcome)}${why}`, remedyFor(outcome))
}

function howItEnded({ code, signal, timedOut }: SlotResult): string {
  if (timedOut) return 'no answer in time'
  if (signal !== undefined) return `crashes (${signal})`
  if (code === 0) return 'exits 0 without handing the message on: mail would be lost'
  return `exits ${code}`
}

function remedyFor({ code }: SlotResult): string {
  return code === 0 ? 'reinstall it' : 'see the other findings; until then mail is deferred'
}

/** Sends a message. Infected mail is tagged and not refused, so that the header shows the answer. */
async function send(host: Host, message: Buffer, timeout: number): Promise<SlotTrial> {
  const outcome = await handToSlot({
    program: underLimits(host.limits, [host.program]),
    message: [message],
    envelope: Buffer.from('Fpostmaster@localhost\0Tpostmaster@localhost\0\0'),
    environment: {
      PROTO: 'TCP', // as tcpserver(1) sets it: standard error is the log
      ...host.env,
      QUEUECHAIN: TRIAL_CHAIN,
      REJECTVIRUS: '0',
      VIRUSFORWARD: undefined,
      ERROR_FD: undefined,
      ERROR_EXIT: undefined,
      LOGFILE: undefined,
    },
    timeout,
  })
  const output = outcome.log.toString('latin1')
  const [log = '', got] = output.split(`${CHAIN_REACHED}\n`)
  const why = reasonIn(log)
  return { outcome, header: got?.split('\n\n')[0], why: why && ` (${why})` }
}

/** The reason in the slot's log line. Without such a line: the end of the output. */
function reasonIn(log: string): string {
  const [, quoted, plain] = /^onescan:.* reason=(?:"((?:[^"\\]|\\.)*)"|(\S+))/m.exec(log) ?? []
  return quoted ?? plain ?? log.trim().slice(-300)
}
