import { basename } from 'node:path'
import { formatCount, formatDay } from '../../base/text/units.ts'
import type { Configuration } from '../configuration/configuration.ts'
import { isAboutEnvelope } from '../doors/clamd/clamd-context.ts'
import {
  type DoorKind,
  doorName,
  isClamds,
  isTls,
  type ListeningDoor,
} from '../options/door-address.ts'
import {
  type JudgeConfig,
  type MailSettings,
  NOTHING_SCANS,
} from '../scan/judge/context/judge-config.ts'
import type { JudgeContext } from '../scan/judge/context/judge-context.ts'
import { actionForInfected } from '../scan/judge/decision/actions.ts'
import { whyChangesGoUnnoticed } from '../scan/scanners/signatures/signatures-in-use.ts'

/**
 * Returns how a door will handle mail, in one line for the log. An administrator should see at the
 * start that nothing is scanned, and not only after a virus has arrived.
 */
export function describeDoor(door: ListeningDoor, by: Configuration): string {
  return `${doorName(door)}: ${describeHandling(door, by)}`
}

/** Returns how a door will handle mail, without the name of the door. */
export function describeHandling({ kind, route }: ListeningDoor, by: Configuration): string {
  const on = route === undefined ? '' : `, passes mail to ${route.next.text}`
  return `${handlingText(kind, by, route?.isQueued)}${on}`
}

function handlingText(
  kind: DoorKind,
  { context, quota, off, tls }: Configuration,
  isQueued: boolean | undefined,
): string {
  if (off.value !== undefined) return `all mail passes unscanned while ${off.value}`
  const asksQuota = quota === undefined ? '' : ', checks mailbox quotas (QUOTAD)'
  if (kind === 'policy') {
    return quota === undefined
      ? 'no mailbox is treated as full: QUOTAD is not set'
      : 'answers from QUOTAD'
  }
  if (context === undefined) return `nothing is scanned: ${NOTHING_SCANS}${asksQuota}`
  const { config } = context
  const scans = `scans with ${namesOf(config)}`
  if (isClamds(kind)) {
    const until = isTls(kind) && tls ? `, ${certificateUntil(tls.endsAt)}` : ''
    return `${scans}, clients handle viruses${until}${notAsked(context)}${cacheText(context)}`
  }
  const action =
    kind === 'qmail' ? 'clients handle viruses' : actionForViruses(kind, config.settings, isQueued)
  return `${scans}, ${action}, ${stamps(config)}${asksQuota}${cacheText(context)}`
}

function certificateUntil(time: number): string {
  const day = formatDay(time)
  if (time > Date.now()) return `certificate until ${day}`
  return `certificate (CLAMDCERT) expired on ${day}: no client accepts it; renew it, and reload`
}

/** Names the lines of onescan.policy that need what clients of clamd do not send. */
function notAsked({ rules }: JudgeContext): string {
  const lines = rules?.lines.all.filter(isAboutEnvelope).map(({ line }) => line) ?? []
  if (lines.length === 0) return ''
  const shown = `${lines.slice(0, 10).join(', ')}${lines.length > 10 ? ', ...' : ''}`
  return `, ignores ${rules!.lines.path} line ${shown}: clients do not send the envelope`
}

function namesOf({ settings: { QHPSI } }: JudgeConfig): string {
  return QHPSI.kind === 'plugins' ? QHPSI.names.join(', ') : basename(QHPSI.argv[0])
}

function actionForViruses(kind: DoorKind, settings: MailSettings, isQueued = false): string {
  const infected = actionForInfected(settings, { isBounceInjector: false, isQueued })
  switch (infected.action) {
    case 'refuse':
      return 'refuses viruses'
    case 'quarantine':
      if (infected.quarantine.kind === 'directory') return 'keeps viruses in quarantine'
      return kind === 'milter' ? 'has the MTA hold viruses' : 'defers viruses (QUARANTINE hold)'
    case 'forward':
      return `sends viruses to ${infected.address}`
    case 'drop':
      return 'drops viruses'
    case 'tag':
      return 'tags viruses and accepts them'
  }
}

/** Returns why no verdicts are cached although they should be. */
function cacheText({ tools }: JudgeContext): string {
  if (tools.verdicts === undefined) return ''
  const reason = whyChangesGoUnnoticed(tools.scanners, tools.signatureFiles())
  return reason === undefined ? '' : `, caches no verdicts: ${reason}`
}

function stamps({ cluster, remarks }: JudgeConfig): string {
  if (cluster === undefined) {
    return remarks.length === 0 ? 'no stamps' : `no stamps (${remarks.join('; ')})`
  }
  return `stamps with ${formatCount(cluster.keys.length, 'key')}`
}
