# One static library per instruction set, so that no other code is compiled with its flags, and one addon.
{
  "variables": {
    "octavo_cflags": ["-std=c++17", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fvisibility=hidden", "-Wall", "-Wextra"],
    "octavo_xcode": {
      "CLANG_CXX_LANGUAGE_STANDARD": "c++17", "GCC_OPTIMIZATION_LEVEL": "3", "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
      "MACOSX_DEPLOYMENT_TARGET": "12.0"
    }
  },
  "target_defaults": {
    "cflags!": ["-O2", "-fno-omit-frame-pointer"],
    "cflags_cc!": ["-fno-exceptions", "-std=gnu++17", "-std=gnu++20", "-fno-rtti"],
    "cflags_cc": ["<@(octavo_cflags)"],
    "xcode_settings": {"OTHER_CPLUSPLUSFLAGS": ["<@(octavo_cflags)"]},
    "msvs_settings": {"VCCLCompilerTool": {"AdditionalOptions": ["/std:c++17", "/fp:precise"], "ExceptionHandling": 1}}
  },
  "targets": [
    {
      "target_name": "octavo_scalar",
      "type": "static_library",
      "sources": ["native/kernels/scalar/kernels__scalar.cc"],
      # For correctness on any CPU, without a speed bar: small.
      "cflags_cc": ["-Os"],
      "xcode_settings": {"OTHER_CPLUSPLUSFLAGS": ["-Os"]}
    },
    {
      "target_name": "octavo_avx2",
      "type": "static_library",
      "conditions": [["target_arch=='x64'", {
        "sources": ["native/kernels/avx2/kernels__avx2.cc"],
        "cflags_cc": ["-mavx2", "-mfma"],
        "xcode_settings": {"OTHER_CPLUSPLUSFLAGS": ["-mavx2", "-mfma"]},
        "msvs_settings": {"VCCLCompilerTool": {"EnableEnhancedInstructionSet": "5"}}
      }, {"type": "none"}]]
    },
    {
      "target_name": "octavo_avxvnni",
      "type": "static_library",
      "conditions": [["target_arch=='x64'", {
        "sources": ["native/kernels/avxvnni/kernels__avxvnni.cc"],
        "cflags_cc": ["-mavx2", "-mfma", "-mavxvnni"],
        "xcode_settings": {"OTHER_CPLUSPLUSFLAGS": ["-mavx2", "-mfma", "-mavxvnni"]},
        "msvs_settings": {"VCCLCompilerTool": {"EnableEnhancedInstructionSet": "5"}}
      }, {"type": "none"}]]
    },
    {
      "target_name": "octavo_avx512vnni",
      "type": "static_library",
      "conditions": [["target_arch=='x64'", {
        "sources": ["native/kernels/avx512vnni/kernels__avx512vnni.cc"],
        # GCC 12 warns of its own headers' deliberately undefined registers.
        "cflags_cc": ["-mavx2", "-mfma", "-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mavx512vnni", "-Wno-uninitialized", "-Wno-maybe-uninitialized"],
        "xcode_settings": {"OTHER_CPLUSPLUSFLAGS": ["-mavx2", "-mfma", "-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mavx512vnni"]},
        "msvs_settings": {"VCCLCompilerTool": {"AdditionalOptions": ["/arch:AVX512"]}}
      }, {"type": "none"}]]
    },
    {
      "target_name": "octavo_amx",
      "type": "static_library",
      "conditions": [["target_arch=='x64'", {
        "sources": ["native/kernels/amx/kernels__amx.cc"],
        "cflags_cc": ["-mavx2", "-mfma", "-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mavx512vnni", "-mamx-tile", "-mamx-int8", "-Wno-uninitialized", "-Wno-maybe-uninitialized"],
        "xcode_settings": {"OTHER_CPLUSPLUSFLAGS": ["-mavx2", "-mfma", "-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mavx512vnni", "-mamx-tile", "-mamx-int8"]},
        "msvs_settings": {"VCCLCompilerTool": {"AdditionalOptions": ["/arch:AVX512"]}}
      }, {"type": "none"}]]
    },
    {
      "target_name": "octavo_neon",
      "type": "static_library",
      "conditions": [["target_arch=='arm64'", {
        "sources": ["native/kernels/neon/kernels__neon.cc"],
        "cflags_cc": ["-march=armv8-a"],
        "xcode_settings": {"OTHER_CPLUSPLUSFLAGS": ["-march=armv8-a"]}
      }, {"type": "none"}]]
    },
    {
      "target_name": "octavo_neondot",
      "type": "static_library",
      "conditions": [["target_arch=='arm64'", {
        "sources": ["native/kernels/neondot/kernels__neondot.cc"],
        "cflags_cc": ["-march=armv8.2-a+dotprod"],
        "xcode_settings": {"OTHER_CPLUSPLUSFLAGS": ["-march=armv8.2-a+dotprod"]}
      }, {"type": "none"}]]
    },
    {
      "target_name": "octavo_neoni8mm",
      "type": "static_library",
      "conditions": [["target_arch=='arm64'", {
        "sources": ["native/kernels/neoni8mm/kernels__neoni8mm.cc"],
        "cflags_cc": ["-march=armv8.2-a+dotprod+i8mm"],
        "xcode_settings": {"OTHER_CPLUSPLUSFLAGS": ["-march=armv8.2-a+dotprod+i8mm"]}
      }, {"type": "none"}]]
    },
    {
      "target_name": "octavo_kernels",
      "type": "loadable_module",
      "dependencies": [
        "octavo_scalar", "octavo_avx2", "octavo_avxvnni", "octavo_avx512vnni", "octavo_amx", "octavo_neon", "octavo_neondot",
        "octavo_neoni8mm"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=9", "NODE_ADDON_API_CPP_EXCEPTIONS", "NODE_API_EXPERIMENTAL_NOGC_ENV_OPT_OUT"],
      "sources": [
        "native/napi/addon.cc",
        "native/napi/arguments.cc",
        "native/napi/backend.cc",
        "native/napi/program.cc",
        "native/ops/activation.cc",
        "native/ops/array_math.cc",
        "native/ops/attention.cc",
        "native/ops/attention_int8.cc",
        "native/ops/batch_norm.cc",
        "native/ops/conv.cc",
        "native/ops/conv_quantized.cc",
        "native/ops/convert.cc",
        "native/ops/elementwise.cc",
        "native/ops/embedding.cc",
        "native/ops/embedding_table.cc",
        "native/ops/histogram.cc",
        "native/ops/integer_products.cc",
        "native/ops/linear.cc",
        "native/ops/linear_quantization.cc",
        "native/ops/linear_quantized.cc",
        "native/ops/linear_static.cc",
        "native/ops/linear_weight_only.cc",
        "native/ops/lines.cc",
        "native/ops/log_softmax.cc",
        "native/ops/matmul.cc",
        "native/ops/normalize.cc",
        "native/ops/ops.cc",
        "native/ops/pad.cc",
        "native/ops/pick.cc",
        "native/ops/pool.cc",
        "native/ops/quantize.cc",
        "native/ops/quantized.cc",
        "native/ops/quantized_binary.cc",
        "native/ops/quantized_matmul.cc",
        "native/ops/quantized_norm.cc",
        "native/ops/quantized_pool.cc",
        "native/ops/quantized_resize.cc",
        "native/ops/quantized_table.cc",
        "native/ops/recurrent.cc",
        "native/ops/recurrent_layer.cc",
        "native/ops/reduce.cc",
        "native/ops/resize.cc",
        "native/ops/shape.cc",
        "native/ops/static_requantization.cc",
        "native/ops/to_layout.cc",
        "native/ops/windows.cc",
        "native/runtime/call.cc",
        "native/runtime/cpu.cc",
        "native/runtime/cpu_features.cc",
        "native/runtime/pack.cc",
        "native/runtime/pack_in_place.cc",
        "native/runtime/peak.cc",
        "native/runtime/program.cc",
        "native/runtime/threads.cc",
        "native/runtime/transpose.cc",
        "native/runtime/unpack.cc",
        "native/runtime/weight_splits.cc"
      ],
      "cflags_cc": ["-fexceptions"],
      "xcode_settings": {"GCC_ENABLE_CPP_EXCEPTIONS": "YES"},
      "conditions": [["OS=='linux'", {"ldflags": ["-static-libstdc++", "-static-libgcc", "-pthread"]}]]
    }
  ]
}
