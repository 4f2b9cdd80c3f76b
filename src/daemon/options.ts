// From the operator's configuration to what the engine's parts are made with.

import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defaultLimits } from '../content/limits.ts'
import { invalid } from '../lib/errors.ts'
import { gantryVersion } from '../lib/version.ts'
import { checkLogConfig } from '../logging/drivers.ts'
import type { AddressPool } from '../network/subnet.ts'
import { readIdFiles, remapOf } from '../runtime/remap.ts'
import type { Ipv6Options } from '../network/plan.ts'
import { shimProgram } from '../runtime/shim.ts'
import { defaultSize } from '../container/storage/size.ts'
import { type EngineOptions, defaultCgroupParent } from './compose.ts'
import type { Config } from './config.ts'

const initProgram = fileURLToPath(new URL('../../build/gantry-init', import.meta.url))

/** The engine's options. Throws invalid for a setting that can't be honoured. */
export function engineOptions(config: Config): EngineOptions {
  checkSupported(config)
  return {
    settings: {
      dataRoot: config.dataRoot,
      execRoot: config.execRoot,
      shim: shimProgram,
      init: config.initPath || initProgram,
      useInit: config.init,
      noNewPrivileges: config.noNewPrivileges,
      cgroupParent: config.cgroupParent.replace(/^\/+|\/+$/g, '') || defaultCgroupParent(config.execRoot),
      remap: remapOf(config.remap, readIdFiles()),
      shmSize: config.defaultShmSize,
      ulimits: Object.values(config.defaultUlimits),
      ipcMode: config.defaultIpcMode,
      cgroupnsMode: config.defaultCgroupnsMode,
      logDriver: config.logDriver,
      logOptions: config.logOptions,
      seccompProfile: readProfile(config.seccompProfile),
      dns: config.dns,
      dnsOptions: config.dnsOptions,
      dnsSearch: config.dnsSearch,
      publishAddress: config.hostAddress,
      hostGateway: config.hostGatewayIps,
      storageSize: defaultSize(config.storageOptions),
      experimental: config.experimental,
      cdiSpecDirs: specDirectories(config.cdiSpecDirs),
    },
    downloads: { concurrent: config.maxDownloads, attempts: config.maxDownloadAttempts, referrers: config.referrers },
    uploads: config.maxUploads,
    partialMaxSize: config.partialMaxSize,
    shareFiles: config.shareFiles,
    layers: {
      ...defaultLimits,
      maxEntries: config.layerMaxEntries,
      maxSize: config.layerMaxSize,
      expansion: { ...defaultLimits.expansion, ratio: config.layerMaxRatio },
    },
    retention: { maxSize: config.imageMaxSize, minAge: config.imageMinAge },
    registries: {
      insecure: config.insecureRegistries,
      mirrors: config.registryMirrors,
      httpProxy: config.httpProxy || fromEnvironment('HTTP_PROXY'),
      httpsProxy: config.httpsProxy || fromEnvironment('HTTPS_PROXY'),
      noProxy: config.noProxy || fromEnvironment('NO_PROXY'),
      certificates: ['/etc/gantry/certs.d', '/etc/docker/certs.d'],
      patience: config.registryTimeout,
      userAgent: `Gantry/${gantryVersion()}`,
    },
    network: {
      ...(config.bridge !== '' && { bridgeName: config.bridge }),
      ...(config.bridgeIp !== '' && { bip: config.bridgeIp }),
      ...(config.mtu > 0 && { mtu: config.mtu }),
      ...(config.fixedCidr !== '' && { range: config.fixedCidr }),
      ...(config.gateway !== '' && { router: config.gateway }),
      ...(config.ipv6 && { ipv6: ipv6Of(config) }),
      ...(config.hostAddress !== '' && { publishAddress: config.hostAddress }),
      betweenContainers: config.interContainer,
      masquerade: config.masquerade,
      forward: config.ipForward,
      ...(config.addressPools.length > 0 && { pools: config.addressPools.map(poolOf) }),
    },
    runtimes: Object.entries(config.runtimes).map(([name, { path, runtimeArgs }]) => ({
      name,
      path,
      args: runtimeArgs,
    })),
    defaultRuntime: config.defaultRuntime === '' ? undefined : config.defaultRuntime,
  }
}

// As all programs on Unix read them.
const fromEnvironment = (name: string) => process.env[name] || process.env[name.toLowerCase()] || ''

const ipv6Of = ({ fixedCidr6, bridgeIp6, gateway6 }: Config): Ipv6Options => ({
  ...(fixedCidr6 !== '' && { subnet: fixedCidr6 }),
  ...(bridgeIp6 !== '' && { bip: bridgeIp6 }),
  ...(gateway6 !== '' && { router: gateway6 }),
})

const poolOf = ({ base, size }: Config['addressPools'][number]): AddressPool => ({ base, size })

function checkSupported(config: Config) {
  checkLogConfig(config.logDriver, config.logOptions)
  if (!['', 'overlay2', 'overlayfs'].includes(config.storageDriver)) {
    throw invalid(`storage driver ${config.storageDriver} is not supported: Gantry uses overlay2`)
  }
  if (config.ipv6 && config.fixedCidr6 === '' && config.bridgeIp6 === '')
    throw invalid('--ipv6 needs --fixed-cidr-v6, such as fd00:6761:6e74::/64, or --bip6')
  if (config.initPath !== '' && !existsSync(config.initPath))
    throw invalid(`--init-path ${config.initPath} does not exist`)
}

// An empty name turns CDI off.
const specDirectories = (given: readonly string[]) =>
  given.length === 0 ? ['/etc/cdi', '/var/run/cdi'] : given.filter(directory => directory !== '')

function readProfile(value: string): string {
  if (value === '' || value === 'builtin' || value === 'unconfined') return value
  try {
    return readFileSync(value, 'utf8')
  } catch (cause) {
    throw invalid(`opening seccomp profile (${value}) failed: is it a readable file?`, { cause })
  }
}
