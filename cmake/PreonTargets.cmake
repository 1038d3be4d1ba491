# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# How every target of Preon is made: one library a core folder, one test program a core folder.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")

option(PREON_WERROR "Treat warnings as errors" OFF)
option(PREON_SANITIZE "Address and undefined-behaviour sanitizers; builds the fuzzers" OFF)

add_library(preon_options INTERFACE)
target_compile_options(preon_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align -Wundef
    -Wformat=2 -fstack-protector-strong "-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=")
target_compile_definitions(preon_options INTERFACE _FILE_OFFSET_BITS=64 PREON_VERSION="${PROJECT_VERSION}")
target_include_directories(preon_options INTERFACE "${CMAKE_SOURCE_DIR}")
if(PREON_WERROR)
    target_compile_options(preon_options INTERFACE -Werror)
endif()
if(PREON_SANITIZE)
    target_compile_options(preon_options INTERFACE -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(preon_options INTERFACE -fsanitize=address,undefined)
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    target_compile_definitions(preon_options INTERFACE _FORTIFY_SOURCE=3)
endif()

# preon_core_library(FOLDER [FLOORS base disk …] [LIBS …]): the library of core/FOLDER, which may use the floors below that it names.
function(preon_core_library name)
    cmake_parse_arguments(arg "" "" "FLOORS;LIBS" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp")
    list(TRANSFORM arg_FLOORS PREPEND preon_)
    add_library(preon_${name} STATIC ${sources})
    target_link_libraries(preon_${name} PUBLIC preon_options ${arg_FLOORS} ${arg_LIBS})
endfunction()

# preon_unit_test(FOLDER [SECONDS n] [LIBS …]): all of tests/unit/FOLDER as one program, with a time budget.
function(preon_unit_test name)
    cmake_parse_arguments(arg "" "SECONDS" "LIBS" ${ARGN})
    if(NOT arg_SECONDS)
        set(arg_SECONDS 60)
    endif()
    if(PREON_SANITIZE)
        math(EXPR arg_SECONDS "${arg_SECONDS} * 5")
    endif()
    file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp")
    add_executable(test_${name} ${sources})
    target_link_libraries(test_${name} PRIVATE preon_${name} ${arg_LIBS} GTest::gtest_main)
    target_compile_definitions(test_${name} PRIVATE PREON_TEST_DATA="${CMAKE_CURRENT_SOURCE_DIR}/${name}/data")
    add_test(NAME unit-${name} COMMAND test_${name})
    set_tests_properties(unit-${name} PROPERTIES LABELS unit TIMEOUT ${arg_SECONDS})
endfunction()
