import { AsyncLocalStorage, executionAsyncResource } from 'node:async_hooks'

/**
 * Stands in for tap's async-hook-domain, in the bundle that prepareTap() in test/run.mjs makes: fails
 * the test in which an error was thrown that nobody caught. That package follows each promise from
 * its birth to its collection, which takes up to a third of a test's processor time; a test's
 * context, which the runtime passes on by itself, says the same.
 */
const context = new AsyncLocalStorage()

/** Those that were entered last are last. */
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

/** The domain of what runs, or if that has ended or unknown, the one that was entered last. */
function current() {
  const domain = context.getStore()
  return entered.has(domain) ? domain : [...entered].at(-1)
}

/** Whether a test has taken the error for its own. */
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

// A listener would count as one that handles all rejections.
const { emit } = process
process.emit = (event, ...words) => {
  const isOurs = event === 'unhandledRejection' && process.listenerCount(event) === 0
  return isOurs ? take(words[0], event) : emit.call(process, event, ...words)
}
