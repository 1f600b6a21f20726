import { infected, type ScanFinding, unknown, unseen } from './finding.ts'

/**
 * What ClamAV has found, by the name that it gives to it; `why` is the reason for the log if that is no
 * virus. With AlertExceedsMax, libclamav 1.4 names the limit that ended its scan: MaxFileSize,
 * MaxScanSize, MaxRecursion, MaxFiles, MaxScanTime, EmailLineFoldCnt, EmailHeaderBytes, EmailHeaders,
 * EmailMIMEPartsPerMessage or EmailMIMEArguments. With the time, or with a limit that nobody knows, it
 * could not tell.
 */
export function findingByName(name: string, why: string): ScanFinding {
  const limit = /^Heuristics\.Limits\.Exceeded(?:\.(.*))?$/s.exec(name)
  if (!limit) return infected(name)
  const [, kind] = limit
  if (kind === 'MaxFileSize' || kind === 'MaxScanSize') return unseen('size', why)
  if (kind === 'MaxRecursion') return unseen('depth', why)
  if (kind === 'MaxFiles' || kind?.startsWith('Email')) return unseen('contents', why)
  return unknown(why, 'limit')
}
