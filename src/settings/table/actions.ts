/** What a setting may have done with a message, from the mildest to the strictest. */
export const ACTIONS = ['accept', 'tag', 'defer', 'quarantine', 'refuse'] as const
export type Action = (typeof ACTIONS)[number]
