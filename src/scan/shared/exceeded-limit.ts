/** A limit that left something unseen, which no second try changes. */
export type Limit =
  /** Bytes: OVERSIZE decides. */
  | 'size'
  /** How deep one thing is in another: OVERNESTING decides. */
  | 'depth'
  /** How many things are in it: OVERNESTING decides, too. */
  | 'contents'

/**
 * With AlertExceedsMax ClamAV gives a name to what it did not look at to the end: libclamav
 * 1.4 has MaxFileSize, MaxScanSize, MaxRecursion, MaxFiles, MaxScanTime, EmailLineFoldCnt,
 * EmailHeaderBytes, EmailHeaders, EmailMIMEPartsPerMessage and EmailMIMEArguments. Undefined
 * for the names of viruses; `other` is time, or what is not known here: ClamAV could not tell.
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
