import { AsyncLocalStorage, executionAsyncResource } from 'node:async_hooks'

/**
 * Replaces the package async-hook-domain of tap in the bundle that prepareTap() in test/run/main.mjs makes. An uncaught
 * error fails the test in which it was thrown. The package tracks each promise, which takes up to a third of the
 * processor time of a test. AsyncLocalStorage finds the same test at no such cost.
 */
const context = new AsyncLocalStorage()

/** The domains in the order in which they were entered. */
const entered = new Set()

export class Domain {
  constructor(onerror) {
    this.onerror = onerror
    const resource = executionAsyncResource()
    const { runInAsyncScope } = resource
    if (runInAsyncScope === undefined) {
      entered.add(this) // outside of all tests
      return
    }
    resource.runInAsyncScope = (run, self, ...words) => {
      entered.add(this)
      return runInAsyncScope.call(resource, () => context.run(this, () => run.apply(self, words)))
    }
  }

  destroy() {
    entered.delete(this)
  }
}

/** Returns the domain of the running code, or the one that was entered last if that is unknown or has ended. */
function current() {
  const domain = context.getStore()
  return entered.has(domain) ? domain : [...entered].at(-1)
}

/** Returns whether a test has handled the error. */
function take(error, event) {
  const isForOthers =
    process.hasUncaughtExceptionCaptureCallback() || process.listenerCount('uncaughtException') > 0
  const domain = isForOthers ? undefined : current()
  domain?.onerror(error, event)
  return domain !== undefined
}

process.on('uncaughtExceptionMonitor', (error, event) => {
  if (!take(error, event)) return
  process.setUncaughtExceptionCaptureCallback(() => {
    process.setUncaughtExceptionCaptureCallback(null)
  })
})

// A listener would be treated as a handler for all rejections.
const { emit } = process
process.emit = (event, ...words) => {
  const isOurs = event === 'unhandledRejection' && process.listenerCount(event) === 0
  return isOurs ? take(words[0], event) : emit.call(process, event, ...words)
}
