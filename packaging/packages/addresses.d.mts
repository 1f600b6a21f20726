export function readAddresses(root: string): Record<string, string>
export function writeAddresses(root: string): string[]
