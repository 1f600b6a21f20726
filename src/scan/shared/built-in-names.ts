/** The plugins that come with onescan. */
export const builtInNames = ['clamd', 'clamscan', 'attachments', 'eicar'] as const
export type BuiltInName = (typeof builtInNames)[number]

export function isBuiltIn(name: string): name is BuiltInName {
  return (builtInNames as readonly string[]).includes(name)
}
