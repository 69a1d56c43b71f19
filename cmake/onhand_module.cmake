# onhand_module(NAME name LAYER number SOURCES file... [DEPENDS module...] [USES library...])
#
# One layer of the program as the static library onhand_<name>. DEPENDS names
# our own modules, which must be of a lower layer: this is the architecture.
# USES names libraries of others; they are not handed on to the layers above.

define_property(TARGET PROPERTY ONHAND_LAYER
    BRIEF_DOCS "Layer number of a module"
    FULL_DOCS "0 base, 1 core, 2 codec, 3 timetable, 4 storage, 5 server, 6 app")

function(onhand_module)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;LAYER" "SOURCES;DEPENDS;USES")
    if(NOT arg_NAME OR NOT DEFINED arg_LAYER OR NOT arg_SOURCES OR arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "onhand_module: wrong arguments: ${ARGV}")
    endif()
    set(target onhand_${arg_NAME})
    onhand_woven(sources ${arg_SOURCES})
    add_library(${target} STATIC ${sources})
    set_target_properties(${target} PROPERTIES ONHAND_LAYER ${arg_LAYER})
    target_link_libraries(${target} PUBLIC onhand_options)
    target_link_libraries(${target} PRIVATE ${arg_USES})
    foreach(module IN LISTS arg_DEPENDS)
        get_target_property(layer onhand_${module} ONHAND_LAYER)
        if(NOT layer LESS arg_LAYER)
            message(FATAL_ERROR "onhand_module: ${arg_NAME} must not depend on ${module}")
        endif()
        target_link_libraries(${target} PUBLIC onhand_${module})
    endforeach()
endfunction()
