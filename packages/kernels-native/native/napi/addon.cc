// The addon's entry: what this build and this CPU can do, and the backend class.
#include "../runtime/cpu.h"
#include "../runtime/cpu_features.h"
#include "backend.h"

namespace octavo {
namespace {

// Bumped with ADDON_ABI of `src/native.ts`, when what that file says of this addon changes.
constexpr int kAbi = 5;

// describe() -> { abi; isas: of this CPU, best last; knownIsas: of this build; missing: why it lacks the others; cpuFeatures; opcodes }
Napi::Value Describe(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const octavo_kernels* tables[8];
  const size_t count = supported_kernels(tables);
  Napi::Array isas = Napi::Array::New(env, count);
  for (uint32_t i = 0; i < count; i++) isas.Set(i, tables[i]->isa);
  Isa all[8];
  const size_t known_count = known_isas(all);
  Napi::Array known = Napi::Array::New(env, known_count);
  Napi::Object missing = Napi::Object::New(env);
  for (uint32_t i = 0; i < known_count; i++) {
    known.Set(i, all[i].name);
    if (all[i].missing) missing.Set(all[i].name, all[i].missing);
  }
  const std::vector<std::string> features = cpu_features();
  Napi::Array feature_names = Napi::Array::New(env, features.size());
  for (uint32_t i = 0; i < features.size(); i++) feature_names.Set(i, features[i]);
  size_t op_count;
  const Op* ops = all_ops(&op_count);
  Napi::Object opcodes = Napi::Object::New(env);
  for (size_t i = 0; i < op_count; i++) opcodes.Set(ops[i].name, ops[i].opcode);
  Napi::Object description = Napi::Object::New(env);
  description.Set("abi", kAbi);
  description.Set("isas", isas);
  description.Set("knownIsas", known);
  description.Set("cpuFeatures", feature_names);
  description.Set("missing", missing);
  description.Set("opcodes", opcodes);
  return description;
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  auto* data = new AddonData();
  const Napi::Function backend = NativeBackend::Define(env);
  data->backend = Napi::Persistent(backend);
  data->program = Napi::Persistent(NativeProgram::Define(env));
  env.SetInstanceData(data);
  exports.Set("describe", Napi::Function::New(env, Describe));
  exports.Set("NativeBackend", backend);
  return exports;
}

}  // namespace
}  // namespace octavo

static Napi::Object InitOctavo(Napi::Env env, Napi::Object exports) { return octavo::Init(env, exports); }
NODE_API_MODULE(octavo, InitOctavo)
