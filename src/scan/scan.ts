import { openAnonymousFile } from '../message/anonymous-file.ts'
import { scanContentsFirst } from './run/contents-first.ts'
import {
  contentScanners,
  keptOutFor,
  type PartialResult,
  type ScanRun,
  tooLate,
  tooMuch,
} from './run/scan-run.ts'
import { scanWholeFirst } from './run/whole-first.ts'
import { type FirstLook, lookFirst } from './second-look/first-look.ts'
import { abortLate, type Sample, type ScanTask } from './shared/scanner.ts'
import type { Verdict } from './shared/verdict.ts'

/**
 * Asks the scanners in their order until one of them finds something that is not excused, or cannot tell: about the whole
 * message, and about each content that any reader of mail might see in it. (With `odd`, contents are
 * scanned only if readers may differ about the message.) A message that is nested deeper than
 * scanners look is not given to them: they would call it clean.
 */
export async function runScanners(sample: Sample, run: ScanRun): Promise<Verdict> {
  const abort = new AbortController()
  const deadline = run.uptime() + run.timeout
  const timer = setTimeout(() => abortLate(abort), run.timeout)
  try {
    return await scanMessage(sample, run, {
      signal: abort.signal,
      timeLeft: () => Math.max(0, deadline - run.uptime()),
      openFile: () => openAnonymousFile(run.secondLook.spool.directory),
      note: run.note,
      isExcused: run.isExcused,
      ...(run.signatures && { signatures: run.signatures }),
    })
  } finally {
    clearTimeout(timer)
  }
}

async function scanMessage(sample: Sample, run: ScanRun, task: ScanTask): Promise<Verdict> {
  const { max } = run.nesting
  const look = await lookFirst(sample, { ...task, max, wantsTraits: wantsTraits(run) })
  if (look === undefined) return tooLate(run)
  const depth = judgeDepth(look, run)
  if (depth.result !== undefined) return depth.result
  if (wantsTraits(run)) run.secondLook.traits(look.traits)
  const scanned = await scanAll(sample, look, run, task)
  const found = scanned.result ?? scanned.excused
  if (found !== undefined) return found
  const unscanned = depth.unscanned ?? scanned.unscanned
  if (unscanned !== undefined) return { answer: 'skipped', why: unscanned }
  return { answer: 'clean', scanners: run.scanners }
}

/** Decides about a message that is nested deeper, or holds more, than scanners look. */
function judgeDepth({ isDeeper, over }: FirstLook, run: ScanRun): PartialResult {
  if (over !== undefined) return tooMuch(over, over, run)
  if (!isDeeper) return {}
  const why = `more than ${run.nesting.max} messages or multiparts inside one another (MAXNESTING)`
  if (run.nesting.over === 'accept') return { unscanned: why }
  return { result: { answer: 'nested', why } }
}

function wantsTraits(run: ScanRun): boolean {
  const { when, strict } = run.secondLook
  return strict || when === 'always' || (when === 'odd' && contentScanners(run).length > 0)
}

/** Scans the message and its contents, in the order that SECONDLOOK asks for. */
async function scanAll(
  sample: Sample,
  { traits }: FirstLook,
  run: ScanRun,
  task: ScanTask,
): Promise<PartialResult> {
  if (run.secondLook.when !== 'always') return scanWholeFirst(sample, traits, run, task)
  const keptOut = keptOutFor(traits, run)
  return keptOut ? { result: keptOut } : scanContentsFirst(sample, run, task)
}
