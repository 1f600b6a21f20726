import type { ChildProcess } from 'node:child_process'

/** The children that serve this process as a whole, and no single message. */
const started = new Set<ChildProcess>()

/** Notes a child that this process has started, so that it is not taken for an orphan. */
export function ownChild<Child extends ChildProcess>(child: Child): Child {
  forgetEnded()
  started.add(child)
  return child
}

/** Returns the process ids of noted children that have not ended. */
export function ownChildren(): ReadonlySet<number> {
  forgetEnded()
  return new Set([...started].flatMap(({ pid }) => pid ?? []))
}

function forgetEnded(): void {
  for (const child of started) {
    const { pid, exitCode, signalCode } = child
    if (pid === undefined || exitCode !== null || signalCode !== null) started.delete(child)
  }
}
