// Images on their way: pulled from a registry, pushed to one, loaded from an archive and saved to one.

import { rmSync } from 'node:fs'
import { join } from 'node:path'

import type { Engine } from '../test/kit/engine.ts'
import { TestRegistry } from '../test/kit/registry.ts'
import { type Shape, archivedName, benchImage } from './images.ts'
import { type Measure, timed } from './sample.ts'

/** By engine: a registry in its namespace, and what was copied there. They are all the same program with the same content. */
const sources = new Map<Engine, { readonly registry: TestRegistry; readonly copied: Set<Shape> }>()

async function sourceOf(engine: Engine, shape: Shape): Promise<string> {
  const source = sources.get(engine) ?? { registry: await TestRegistry.start(engine.namespace), copied: new Set() }
  sources.set(engine, source)
  const { registry, copied } = source
  if (!copied.has(shape)) await registry.copy((await benchImage(shape)).layout, `registry:bench/${shape}:latest`)
  copied.add(shape)
  return `${registry.host}/bench/${shape}:latest`
}

/** Ends the registries. */
export async function closeRegistries(): Promise<void> {
  for (const { registry } of sources.values()) await registry[Symbol.asyncDispose]()
  sources.clear()
}

/** Milliseconds until an image of which nothing is here is pulled. */
export const pull =
  (shape: Shape): Measure =>
  async engine => {
    const name = await sourceOf(engine, shape)
    const time = await timed(() => engine.watchToEnd(['pull', '--quiet', name]))
    await engine.ok(['rmi', name])
    return time
  }

/** Milliseconds until an image that was pulled is pushed to a registry that has nothing. */
export const push =
  (shape: Shape): Measure =>
  async engine => {
    const name = await sourceOf(engine, shape)
    await engine.ok(['pull', '--quiet', name], { timeout: 300_000 })
    // A port of its own each time: what an engine remembers of the last one is of no use.
    await using registry = await TestRegistry.start(engine.namespace)
    const pushed = `${registry.host}/bench/${shape}:latest`
    await engine.ok(['tag', name, pushed])
    const time = await timed(() => engine.watchToEnd(['push', '--quiet', pushed]))
    await engine.ok(['rmi', pushed, name])
    return time
  }

/** Milliseconds until an image of which nothing is here is loaded from an archive. */
export const load =
  (shape: Shape): Measure =>
  async engine => {
    const { archive } = await benchImage(shape)
    const time = await timed(() => engine.watchToEnd(['load', '--quiet', '--input', archive]))
    await engine.ok(['rmi', archivedName(shape)])
    return time
  }

/** Milliseconds until an image that was pulled is saved. */
export const save =
  (shape: Shape): Measure =>
  async engine => {
    const name = await sourceOf(engine, shape)
    await engine.ok(['pull', '--quiet', name], { timeout: 300_000 })
    const target = join(engine.scratch, 'saved.tar')
    const time = await timed(() => engine.watchToEnd(['save', '--output', target, name]))
    rmSync(target)
    await engine.ok(['rmi', name])
    return time
  }
