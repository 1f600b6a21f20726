import type { Verdict } from '../shared/scanner.ts'
import type { PluginRequest } from './request.ts'

/** A plugin that this process has loaded. */
export interface Plugin {
  /** Rejects with whatever the plugin throws. */
  ask(request: PluginRequest): Promise<Verdict>
  /** Whether it has left anything behind that the event loop does not know of. */
  leftBehind(): boolean
}

/** A plugin that cannot be loaded: why, for the log. */
export interface NotLoaded {
  readonly why: string
}
