// Scratch directories and worker threads for the tests of this folder.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

/** A new directory, removed with what is in it at the end of the scope. */
export function scratch(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'gantry-kernel-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

/** Runs the statements of `body` in a worker, with `kernel(name)` importing a file of this folder; resolves to what it returns. */
export async function inWorker<T>(body: string): Promise<T> {
  const base = JSON.stringify(new URL('.', import.meta.url).href)
  const source = `
    import { parentPort } from 'node:worker_threads'
    const kernel = name => import(new URL(name + '.ts', ${base}).href)
    parentPort.postMessage(await (async () => { ${body} })())`
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`))
  worker.once('message', resolve).once('error', reject)
  try {
    return await promise
  } finally {
    await worker.terminate()
  }
}
