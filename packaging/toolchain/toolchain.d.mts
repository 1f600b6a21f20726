/** The Node that runs the tools and the tests. */
export const toolsNode: string
/** The newest Node. */
export const newestNode: string
/** The oldest Node that onescan runs on. */
export const oldestNode: string

/** Bun's executable for this machine. */
export function bun(): string
