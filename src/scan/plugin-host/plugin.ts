import type { ScannerAnswer } from '../shared/scanner.ts'
import type { PluginRequest } from './protocol.ts'

/** A plugin that this process has loaded. */
export interface Plugin {
  /** Asks the plugin about a message. Rejects with whatever it throws. */
  ask(request: PluginRequest): Promise<ScannerAnswer>
  /** Whether the plugin has left anything running of which the event loop does not know. */
  leftBehind(): boolean
}
