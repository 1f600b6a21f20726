/** What sort of limit ClamAV ran into. */
export type ExceededLimit =
  /** Bytes: OVERSIZE decides. */
  | 'size'
  /** How deep or how much it is that one thing holds, which no second try changes: OVERNESTING. */
  | 'structure'
  /** Time, or what is not known here: it could not tell. */
  | 'other'

/**
 * With AlertExceedsMax ClamAV gives a name to what it did not look at to the end: libclamav
 * 1.4 has MaxFileSize, MaxScanSize, MaxRecursion, MaxFiles, MaxScanTime, EmailLineFoldCnt,
 * EmailHeaderBytes, EmailHeaders, EmailMIMEPartsPerMessage and EmailMIMEArguments. Undefined
 * for the names of viruses.
 */
export function exceededLimit(name: string): ExceededLimit | undefined {
  const found = /^Heuristics\.Limits\.Exceeded(?:\.(.*))?$/s.exec(name)
  if (!found) return undefined
  const [, kind] = found
  if (kind === 'MaxFileSize' || kind === 'MaxScanSize') return 'size'
  if (kind === 'MaxRecursion' || kind === 'MaxFiles' || kind?.startsWith('Email'))
    return 'structure'
  return 'other'
}
