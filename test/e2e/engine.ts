// The engine these tests are about, with the image they use. GANTRY_E2E=dockerd checks the tests on dockerd.

import { startDockerd } from '../kit/dockerd.ts'
import type { Engine } from '../kit/engine.ts'
import { type GantrydOptions, type Gantryd, startGantryd } from '../kit/gantryd.ts'
import { type TestImage, busyboxImage } from '../kit/images.ts'

/** True if the tests run on dockerd: those about what only gantryd promises are skipped. */
export const onDockerd = process.env['GANTRY_E2E'] === 'dockerd'

/** Starts an engine that has `image`. */
export async function startEngine(image: Promise<TestImage> = busyboxImage()): Promise<Engine> {
  return await loaded(onDockerd ? await startDockerd() : await startGantryd(), await image)
}

/** Starts gantryd with busybox loaded. */
export async function startGantrydWithBusybox(options?: GantrydOptions): Promise<Gantryd> {
  return await loaded(await startGantryd(options), await busyboxImage())
}

async function loaded<E extends Engine>(engine: E, image: TestImage): Promise<E> {
  try {
    await engine.ok(['load', '--quiet', '--input', image.archive])
    return engine
  } catch (error) {
    await engine[Symbol.asyncDispose]()
    throw error
  }
}
