// Versions of OCI runtimes, and which of them containers are known to escape from.

/** The version in the output of `--version`; empty if there is none. */
export function parseVersion(output: string): string {
  return /\bversion\s+v?(\S+)/i.exec(output)?.[1] ?? ''
}

/** For each runtime, the first fixed release of every line that is still maintained, oldest first. */
const fixed: Record<string, readonly (readonly [number, number, number])[]> = {
  crun: [[1, 31, 0]],
  runc: [
    [1, 3, 7],
    [1, 4, 4],
    [1, 5, 3],
  ],
}

/** A sentence if `version` of the runtime `name` has known escapes, unless its distributor has patched it. */
export function escapeWarnings(name: string, version: string): string[] {
  const lines = fixed[name]
  if (!lines) return []
  const given = version.split(/[.+~-]/).map(part => Number.parseInt(part, 10) || 0)
  // A release is fixed if it is at least the fix of its own line, or newer than every line.
  const own = lines.find(([major, minor]) => given[0] === major && given[1] === minor)
  const newest = lines.at(-1)
  if (isAtLeast(given, own ?? newest ?? [0, 0, 0])) return []
  const fixes = lines.map(line => line.join('.').replace(/\.0$/, '')).join(', ')
  return [
    `${name} ${version} has known container escapes, fixed in ${fixes}; update it unless your distribution has patched it`,
  ]
}

function isAtLeast(given: readonly number[], wanted: readonly number[]): boolean {
  for (const [index, part] of wanted.entries()) {
    const difference = (given[index] ?? 0) - part
    if (difference !== 0) return difference > 0
  }
  return true
}
