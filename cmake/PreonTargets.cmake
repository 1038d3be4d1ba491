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

# preon_app(FOLDER URI uri [LIBS …] [EXCEPT …]): apps/FOLDER as a program with a window: its sources, its qml/ as the module of that URI, its desktop file and
# metainfo. One unit, because the headers of Qt and KDE cost more than all of the code. EXCEPT: sources that are a library of their own.
function(preon_app name)
    cmake_parse_arguments(arg "" "URI" "LIBS;EXCEPT" ${ARGN})
    set(target preon-${name})
    add_executable(${target})
    preon_qml_module(${target} FOLDER ${name} URI ${arg_URI} EXCEPT ${arg_EXCEPT})
    target_link_libraries(${target} PRIVATE preon_ui preon_uiplugin Qt6::Widgets Qt6::QuickControls2 KF6::IconThemes ${arg_LIBS})
    # A component that is asked for by name: there is no package of it yet, and debhelper refuses files that no package takes.
    install(TARGETS ${target} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT apps EXCLUDE_FROM_ALL)
    # With their translations in them (translations/).
    install(FILES "${CMAKE_BINARY_DIR}/share/applications/org.preon.${name}.desktop" DESTINATION ${CMAKE_INSTALL_DATADIR}/applications COMPONENT apps EXCLUDE_FROM_ALL)
    install(FILES "${CMAKE_BINARY_DIR}/share/metainfo/org.preon.${name}.metainfo.xml" DESTINATION ${CMAKE_INSTALL_DATADIR}/metainfo COMPONENT apps EXCLUDE_FROM_ALL)
    install(FILES ${name}/org.preon.${name}.svg DESTINATION ${CMAKE_INSTALL_DATADIR}/icons/hicolor/scalable/apps COMPONENT apps EXCLUDE_FROM_ALL)
endfunction()

# preon_qml_module(TARGET FOLDER folder URI uri [EXCEPT …]): the folder's *.cpp, *.h and qml/*.qml as a QML module inside that target.
function(preon_qml_module target)
    cmake_parse_arguments(arg "" "FOLDER;URI" "EXCEPT" ${ARGN})
    set(folder "${CMAKE_CURRENT_SOURCE_DIR}/${arg_FOLDER}")
    file(GLOB sources CONFIGURE_DEPENDS "${folder}/*.cpp" "${folder}/*.h")
    foreach(source ${arg_EXCEPT})
        list(REMOVE_ITEM sources "${folder}/${source}")
    endforeach()
    file(GLOB pages CONFIGURE_DEPENDS "${folder}/qml/*.qml")
    string(REPLACE "." "/" module_path ${arg_URI})
    file(GLOB icons CONFIGURE_DEPENDS "${folder}/*.svg")
    foreach(page ${pages} ${icons})
        get_filename_component(alias "${page}" NAME)
        set_source_files_properties("${page}" PROPERTIES QT_RESOURCE_ALIAS ${alias})
    endforeach()
    # As bytecode, so that no first start has to read them; compiled to C++ they would take a minute to build and show no sooner.
    set_target_properties(${target} PROPERTIES QT_QMLCACHEGEN_ARGUMENTS "--only-bytecode")
    qt_add_qml_module(${target} URI ${arg_URI} NO_PLUGIN_OPTIONAL SOURCES ${sources} QML_FILES ${pages} RESOURCES ${icons}
        OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/qml/${module_path}")
    target_include_directories(${target} PRIVATE "${folder}")
    target_compile_definitions(${target} PRIVATE QT_NO_CAST_FROM_ASCII QT_NO_CAST_TO_ASCII QT_NO_KEYWORDS)
    target_link_libraries(${target} PRIVATE preon_options)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0 POSITION_INDEPENDENT_CODE ON)
endfunction()
