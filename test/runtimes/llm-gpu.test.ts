/** Accelerators for language models, by a machine that says what it has: none of ours has one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type AcceleratorMachine,
  acceleratorBuilds,
  findAccelerator,
} from '../../src/runtimes/llama/native/accelerator.ts'
import { type EngineDescription, engineThatJudges } from '../../src/runtimes/messages.ts'

type Kind = keyof typeof acceleratorBuilds

interface Found {
  /** Packages, with the devices that their addons find; null: the addon does not load. */
  readonly devices: Partial<Record<Kind, readonly string[] | null>>
  /** Other bytes than those that we know. */
  readonly changed?: Kind
  readonly files?: Readonly<Record<string, string>>
}

function machineWith({ devices, changed, files = {} }: Found): AcceleratorMachine {
  const kindOf = (folder: string) => folder.replace('linux-x64-', '') as Kind
  return {
    folderOf: (folder) => (kindOf(folder) in devices ? folder : undefined),
    hashOf: (folder) => (kindOf(folder) === changed ? 'other bytes' : acceleratorBuilds[kindOf(folder)].hash),
    async start(folder) {
      const deviceNames = devices[kindOf(folder)]
      if (!deviceNames) throw new Error('libvulkan.so.1: cannot open shared object file')
      return { getGpuDeviceInfo: () => ({ deviceNames }) }
    },
    read: (path) => files[path] ?? null,
  }
}

test('an accelerator is named by its library, its device and its driver', async () => {
  const radeon = { devices: { vulkan: ['AMD Radeon 780M (RADV GFX1103)'] } }
  const files = { '/sys/module/amdgpu/version': '6.8.5\n' }
  const found = await findAccelerator(machineWith({ ...radeon, files }))
  assert(typeof found !== 'string')
  assert.deepEqual([found.kind, found.isa], ['vulkan', 'vulkan-amd-radeon-780m-radv-gfx1103-amdgpu-6.8.5'])
  const later = await findAccelerator(
    machineWith({ ...radeon, files: { '/sys/module/amdgpu/version': '6.9.0' } }),
  )
  assert(typeof later !== 'string' && later.isa !== found.isa, 'another driver is another class')
})

test('a name without end is cut, and the driver stays', async () => {
  const devices = { vulkan: ['A device whose name goes on and on and on for a hundred letters', 'another'] }
  const found = await findAccelerator(
    machineWith({ devices, files: { '/sys/module/xe/version': '1.2.3-with-a-long-tail-behind-it' } }),
  )
  assert(typeof found !== 'string')
  assert(found.isa.length <= 64, found.isa)
  assert.match(found.isa, /^vulkan-a-device.*-xe-1\.2\.3/)
})

test('of two libraries that find a device CUDA is taken, and the other where it finds none', async () => {
  const both = await findAccelerator(machineWith({ devices: { cuda: ['NVIDIA'], vulkan: ['NVIDIA'] } }))
  assert(typeof both !== 'string' && both.kind === 'cuda')
  for (const cuda of [null, []]) {
    const one = await findAccelerator(machineWith({ devices: { cuda, vulkan: ['Intel Arc'] } }))
    assert(typeof one !== 'string' && one.kind === 'vulkan')
  }
})

test('what is missing is said, with what to do', async () => {
  const why = async (found: Found) => {
    const said = await findAccelerator(machineWith(found))
    assert(typeof said === 'string')
    return said
  }
  assert.match(await why({ devices: {} }), /run npm install @node-llama-cpp\/linux-x64-vulkan@3\.21\.1, or/)
  assert.match(await why({ devices: { vulkan: [] } }), /finds no device/)
  assert.match(await why({ devices: { vulkan: null } }), /does not load on this machine; it needs the driver/)
  assert.match(
    await why({ devices: { vulkan: ['Intel'] }, changed: 'vulkan' }),
    /is not @node-llama-cpp\/linux-x64-vulkan@3\.21\.1/,
  )
})

test('claims of an accelerator are scored by the engine that every steward has, also where it has an accelerator itself', () => {
  const agreement = { relation: 'scored', gapMax: 1, differenceMax: 1 } as const
  const gpu: EngineDescription = { runtime: 'llm', engine: 'gpu', id: 'gpu', isa: 'vulkan', agreement }
  const scored: EngineDescription = { ...gpu, engine: 'scored', id: 'any', isa: 'zen4', scores: ['gpu'] }
  assert.equal(engineThatJudges([gpu, scored], 'gpu'), scored)
  assert.equal(engineThatJudges([gpu, scored], 'any'), scored)
  assert.equal(engineThatJudges([gpu], 'gpu'), gpu)
  assert.equal(engineThatJudges([scored], 'other'), undefined)
})
