/** A limit that left something unscanned; another try would change nothing. */
export type Limit =
  /** The number of bytes. OVERSIZE decides about the message. */
  | 'size'
  /** The depth of one thing inside another. OVERNESTING decides. */
  | 'depth'
  /** The number of things in the message. OVERNESTING decides, too. */
  | 'contents'

/**
 * Tells limits from viruses among the names that ClamAV gives. With AlertExceedsMax, libclamav 1.4
 * names the limit that ended its scan: MaxFileSize, MaxScanSize, MaxRecursion, MaxFiles, MaxScanTime,
 * EmailLineFoldCnt, EmailHeaderBytes, EmailHeaders, EmailMIMEPartsPerMessage or EmailMIMEArguments.
 * Returns undefined for a virus, and `other` for time or an unknown limit: ClamAV could not tell.
 */
export function exceededLimit(name: string): Limit | 'other' | undefined {
  const found = /^Heuristics\.Limits\.Exceeded(?:\.(.*))?$/s.exec(name)
  if (!found) return undefined
  const [, kind] = found
  if (kind === 'MaxFileSize' || kind === 'MaxScanSize') return 'size'
  if (kind === 'MaxRecursion') return 'depth'
  if (kind === 'MaxFiles' || kind?.startsWith('Email')) return 'contents'
  return 'other'
}
