// Directories that vanish with the test that made them.

import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import { run } from './command.ts'

/** A directory of its own; disposal detaches what is mounted below it and removes it. */
export interface TemporaryDirectory extends AsyncDisposable {
  readonly path: string
}

/** Makes one under /var/tmp, which unlike /tmp is on a disk everywhere, and with a short path for sockets. */
export function temporaryDirectory(label = 'test'): TemporaryDirectory {
  const path = mkdtempSync(join('/var/tmp', `gantry-${label}-`))
  // The root of a user namespace has to reach what is below.
  chmodSync(path, 0o711)
  return {
    path,
    async [Symbol.asyncDispose]() {
      await unmountBelow(path)
      rmSync(path, { recursive: true, force: true })
    },
  }
}

/** Mount points at or below `path`, innermost last, as /proc/self/mountinfo has them. */
export function mountsBelow(path: string): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map(line => (line.split(' ')[4] ?? '').replace(/\\040/g, ' '))
    .filter(point => point === path || point.startsWith(`${path}/`))
}

async function unmountBelow(path: string): Promise<void> {
  for (const point of mountsBelow(path).toReversed()) await run(['umount', '--lazy', point])
}
