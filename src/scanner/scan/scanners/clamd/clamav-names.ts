import { replaceUnprintable } from '../../../../base/log/line-format.ts'
import { LONG_NAME, ruleByName } from '../attachments/ban-names.ts'
import {
  banned,
  infected,
  type ScanResult,
  type UnknownResult,
  type UnreadResult,
  unknown,
  unread,
} from '../findings/scan-result.ts'

/**
 * ClamAV's name of what it has found, without the `(hash:size)` that follows it with
 * ExtendedDetectionInfo.
 */
export function withoutHash(name: string): string {
  return name.replace(/\([0-9A-Fa-f]+:[0-9]+\)$/, '')
}

/**
 * Returns the result for ClamAV's name of a finding. `reason` is the reason for the log if it is not a virus.
 *
 * - With AlertExceedsMax, libclamav 1.4 names the limit that ended its scan: MaxFileSize, MaxScanSize,
 *   MaxRecursion, MaxFiles, MaxScanTime, EmailLineFoldCnt, EmailHeaderBytes, EmailHeaders,
 *   EmailMIMEPartsPerMessage or EmailMIMEArguments. For the time limit or an unfamiliar limit the result is
 *   unknown.
 * - A signature of `onescan bans` is a ban, with the text of its rule.
 * - A name that clamd does not read to its end may be banned or not, so the result is *unread*.
 */
export function resultByName(name: string, reason: string): ScanResult {
  const limit = limitByName(name, reason)
  if (limit !== undefined) return { ...limit, alert: name }
  const rule = ruleByName(name)
  return rule === undefined
    ? infected(name)
    : banned(`attachment ${replaceUnprintable(rule)} in an archive`)
}

function limitByName(name: string, reason: string): UnreadResult | UnknownResult | undefined {
  if (name.startsWith(LONG_NAME))
    return unread('contents', `${reason}: a file name in it is longer than clamd compares`)
  const limit = /^Heuristics\.Limits\.Exceeded(?:\.(.*))?$/s.exec(name)
  if (!limit) return undefined
  const [, kind] = limit
  if (kind === 'MaxFileSize' || kind === 'MaxScanSize') return unread('unpacked', reason)
  if (kind === 'MaxRecursion') return unread('depth', reason)
  if (kind === 'MaxFiles' || kind?.startsWith('Email')) return unread('contents', reason)
  return unknown(reason, 'limit')
}
